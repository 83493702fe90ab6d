/**
 * Types of the SDK. Nothing here exists at run time.
 */

/**
 * One envelope of the wire, under the SDK's own names of events (`chan:join`, …).
 *
 * @typedef {object} Message
 * @property {string|null} join_ref ref of the channel's join
 * @property {string|null} ref
 * @property {string} topic
 * @property {string} event
 * @property {any} payload
 */

/** @typedef {{epoch: string, offset: number}} Position Where a reader stands in a stream of changes. */

/**
 * @typedef {object} ChannelConfig
 * @property {{ack?: boolean, self?: boolean}} [broadcast]
 * @property {{key?: string, enabled?: boolean}} [presence]
 * @property {boolean} [private]
 * @property {Position|null} [recover] start from here: the server sends what was missed since
 */

/** @typedef {{config?: ChannelConfig}} RealtimeChannelOptions */

/** @typedef {{config: Record<string, unknown>, access_token?: string}} JoinPayload */

/** @typedef {{status: "ok"|"error"|string, response: any}} ReplyPayload */

/**
 * What the reply to a join says about recovery.
 *
 * @typedef {object} JoinResult
 * @property {Position|null} position where the stream stands
 * @property {boolean|null} recovered true: everything missed follows; false: take a snapshot; null: nothing was asked
 * @property {string|null} reason
 * @property {any} response the whole response
 */

/**
 * The part of a WebSocket that the SDK uses, so that another one can be given.
 *
 * @typedef {object} WebSocketLike
 * @property {number} readyState
 * @property {string} [url]
 * @property {string} [binaryType]
 * @property {((event: any) => void)|null} onopen
 * @property {((event: any) => void)|null} onclose
 * @property {((event: any) => void)|null} onerror
 * @property {((event: any) => void)|null} onmessage
 * @property {(data: any) => void} send
 * @property {(code?: number, reason?: string) => void} close
 */

/** @typedef {(url: string, protocols: string[]) => WebSocketLike} WebSocketFactory */

/**
 * Time and chance, so that tests can have their own.
 *
 * @typedef {object} Clock
 * @property {() => number} now ms since 1970
 * @property {(callback: () => void, ms: number) => any} setTimeout
 * @property {(handle: any) => void} clearTimeout
 * @property {() => number} random from 0 to 1
 */

/**
 * Something that is on or off and tells when that changes: "the page is visible", "the machine is online".
 *
 * @typedef {object} Signal
 * @property {() => boolean} get
 * @property {(listen: () => void) => () => void} subscribe returns the function that ends it
 */

/**
 * An HTTP answer of any status. A request that got no answer throws instead.
 *
 * @typedef {object} HttpAnswer
 * @property {number} status
 * @property {any} body parsed JSON, or null
 * @property {(name: string) => string|null} header
 */

/**
 * @typedef {object} HttpRequest
 * @property {string} method
 * @property {string} path below the API's base, such as `rooms/<id>/meta`
 * @property {Record<string, string|number|undefined>} [query]
 * @property {unknown} [body]
 * @property {Record<string, string>} [headers]
 * @property {number} [timeout] ms
 */

/** @typedef {(request: HttpRequest) => Promise<HttpAnswer>} Requester With the access token, refreshed once on 401. */

/**
 * A way to the server. One object is one connection: it opens once and closes once.
 *
 * @typedef {object} Transport
 * @property {"websocket"|"polling"} kind
 * @property {() => void} open start; ends in `onOpen` or `onClose`
 * @property {(message: Message) => void} send only after `onOpen`
 * @property {(code?: number, reason?: string) => void} close `onClose` is not called for it
 * @property {() => void} wake try at once what waits for a timer
 * @property {() => number|null} nextAttemptAt ms of its own next retry, null when all is well
 * @property {TransportEvents} events
 */

/**
 * @typedef {object} TransportEvents
 * @property {() => void} onOpen it works
 * @property {(message: Message) => void} onMessage
 * @property {(closed: {code: number, reason: string}) => void} onClose
 * @property {(working: boolean) => void} onWorking polling only: requests began to fail, or work again
 */

/**
 * The connection, for a chip on the screen.
 *
 * @typedef {object} LinkInfo
 * @property {"idle"|"connecting"|"live"|"polling"|"reconnecting"|"offline"} state
 * @property {number} since ms
 * @property {number|null} nextAttemptAt ms
 * @property {boolean} attempting
 */

/**
 * @typedef {object} PollingOptions
 * @property {Requester} request
 * @property {Signal} [visible]
 * @property {PollIntervals} [intervals]
 */

/**
 * Pauses in ms.
 *
 * @typedef {object} PollIntervals
 * @property {number} room 2,500: meta of a joined room
 * @property {number} roomHidden 15,000
 * @property {number} user 10,000: all the other rooms
 * @property {number} userHidden 60,000
 */

/** @typedef {"sent"|"ok"|"error"|"timeout"|"disconnected"} HeartbeatStatus */

/**
 * @typedef {object} RealtimeClientOptions
 * @property {WebSocketFactory} [websocket] makes sockets; by default the platform's
 * @property {new (url: string, protocols?: string[]) => WebSocketLike} [transport] a WebSocket class instead
 * @property {"phx"|"chan"} [dialect] names of the protocol's events on the wire; by default what the path implies
 * @property {number} [timeout] ms
 * @property {number} [heartbeatIntervalMs] ms
 * @property {(status: HeartbeatStatus, latency?: number) => void} [heartbeatCallback]
 * @property {(options?: {force?: boolean}) => Promise<string|null>} [accessToken] asked before each connection and each join;
 *   `force`: the last one was refused
 * @property {(tries: number) => number} [reconnectAfterMs]
 * @property {(tries: number) => number} [rejoinAfterMs]
 * @property {typeof globalThis.fetch} [fetch] for `httpSend`
 * @property {PollingOptions} [polling] fall back to polling when the socket does not work
 * @property {number} [fallbackAfterMs] how long to try the socket before polling begins
 * @property {Signal} [online]
 * @property {Signal} [visible]
 * @property {Clock} [clock]
 * @property {(kind: string, text: string, data?: unknown) => void} [logger]
 */

/**
 * The client, as a channel sees it.
 *
 * @typedef {object} ChannelHost
 * @property {Clock} clock
 * @property {number} timeout ms
 * @property {(tries: number) => number} rejoinAfterMs
 * @property {() => boolean} isConnected
 * @property {() => string} makeRef
 * @property {(message: Message) => void} transmit
 * @property {(force?: boolean) => Promise<string|null>} token
 * @property {(topic: string, event: string, payload: any) => Promise<void>} postBroadcast
 * @property {(channel: import("./subscription.js").Subscription) => void} removed
 * @property {() => void} suspect the connection may be dead: look
 * @property {(kind: string, text: string, data?: unknown) => void} log
 */

export {};
