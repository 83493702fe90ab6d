/**
 * The public shape of the chat client: what the screen may read (the state) and what it may call (the engine).
 *
 * In short:
 *
 *     import { createApp } from "../chat/app.js";
 *     import { environmentFrom } from "../chat/environment.js";
 *     import { indexedOutbox } from "../chat/outbox-storage.js";
 *     import { timelineItems, sortedRooms, unreadCount } from "../chat/selectors.js";
 *
 *     const app = createApp({ environment: environmentFrom(window, { outbox: indexedOutbox() }) });
 *     app.store.subscribe((state) => state.connection, (connection) => drawChip(connection));
 *     await app.start();                       // resolves when signed in and the rooms are there, or signed out
 *     await app.openRoom(roomId);              // newest messages, then live
 *     app.send(roomId, "Hello");               // appears at once as a pending item, never throws
 *
 * Rules for the screen:
 * - It renders the store and nothing else; it never changes the state and never keeps a copy of it.
 * - State objects are immutable: an unchanged part keeps its identity (`===`), so components can compare by reference.
 * - What is shown in a timeline is `timelineItems(state, roomId)`; `key` of an item is stable from the moment a message is
 *   typed until it is confirmed, so the element of a pending message stays the same element.
 * - Methods of the engine that talk to the server return promises that reject with an `ApiError` (`code`, `detail`, `attr`,
 *   `retryAfter`); `send`, `retry`, `discard`, `typing`, `markRead` and `tryNow` never throw.
 *
 * Times are RFC 3339 strings where the server sent them and milliseconds since 1970 where this client made them (`…At`,
 * `since`). This file holds types only.
 */

/**
 * @typedef {object} UserCard
 * @property {string} id
 * @property {string} display_name
 * @property {string|null} avatar URL; empty or null when there is none
 */

/**
 * @typedef {UserCard & {username: string, role: "user"|"partner"|"moderator"|"admin"}} Me
 */

/**
 * @typedef {object} Reaction
 * @property {string} emoji
 * @property {number} count all of them, also those past the cap of `user_ids`
 * @property {string[]} user_ids
 */

/**
 * @typedef {object} ReplyTo
 * @property {string} id
 * @property {string|null} sender_id
 * @property {string} sender_name
 * @property {string} excerpt its first characters; empty when it was recalled
 */

/**
 * A message as the server sends it, on every transport alike.
 *
 * @typedef {object} Message
 * @property {string} id
 * @property {string} room_id
 * @property {number} seq number of the message in its room
 * @property {number} offset last change of the room that touched it
 * @property {number} [lamport] order in the timeline, with `origin` and `id` as ties
 * @property {string} [origin] installation that accepted it
 * @property {string|null} sender_id null: the account was erased
 * @property {UserCard|null} sender
 * @property {string} type
 * @property {string} content empty when recalled
 * @property {string} html safe to insert: made by the server
 * @property {string|null} client_id
 * @property {ReplyTo|null} reply_to
 * @property {unknown} [forwarded_from]
 * @property {unknown[]} attachments
 * @property {Reaction[]} reactions
 * @property {string} created_at
 * @property {string|null} edited_at
 * @property {string|null} deleted_at
 * @property {boolean} is_deleted recalled: keeps its place, has lost its content
 * @property {number} version
 */

/**
 * A room as the list shows it.
 *
 * @typedef {object} Room
 * @property {string} id
 * @property {"direct"|"group"|"public"} kind
 * @property {string|null} name null for direct rooms: use `roomTitle(state, room)`
 * @property {string} [topic]
 * @property {string|null} last_message_at
 * @property {Message|null} last_message the newest message
 * @property {number} seq greatest message number known
 * @property {number} read_seq own read position; unread is derived: `unreadCount(room)`
 * @property {number} offset this summary is exactly the room after that change
 * @property {string} epoch
 * @property {number} members_count
 * @property {"owner"|"admin"|"member"|"guest"|null} my_role null: not a member (public room seen from outside)
 * @property {Member[]} [members] direct rooms: both people
 * @property {string} [created_at]
 * @property {boolean} [guests_may_send]
 * @property {boolean} [members_may_invite]
 * @property {boolean} [members_may_pin]
 * @property {boolean} [is_frozen]
 */

/**
 * @typedef {object} Member
 * @property {UserCard} user
 * @property {"owner"|"admin"|"member"|"guest"} role
 */

/**
 * @typedef {object} MemberList
 * @property {"idle"|"loading"|"ready"|"error"} status
 * @property {Member[]} items
 * @property {AppliedEvent[]} log events applied while the list was loading, applied again over it (internal)
 * @property {ApiErrorLike|null} error
 */

/**
 * What is loaded of a room's history and where it stands in the room's stream of changes.
 *
 * @typedef {object} Timeline
 * @property {"loading"|"ready"|"error"|"lost"} status lost: the position is gone, a new snapshot is being taken;
 *   messages of before stay on the screen meanwhile
 * @property {Message[]} messages sorted; received from the server only (pending ones are in `outbox`)
 * @property {Record<string, true>} holes ids of messages before which history is not loaded; the id of the first message
 *   stands here when there is earlier history (use `hasMoreBefore`)
 * @property {Record<string, "loading"|"error">} filling state of the loading before a message id
 * @property {number|null} offset every change up to here is applied
 * @property {string|null} epoch
 * @property {Record<number, AppliedEvent>} ahead events past a gap, waiting for what is missing
 * @property {number} head_offset newest change heard of
 * @property {number|null} behindSince ms; set while changes are known to be missing. For a moment that is normal (a frame
 *   may be overtaken): say it on the screen when it lasts for seconds
 * @property {Record<string, Stray>} strays newest facts of messages that are not loaded (internal)
 * @property {Record<string, boolean>} pins message id → pinned, as far as heard
 * @property {ApiErrorLike|null} error why loading failed
 */

/**
 * @typedef {{message?: Message, reactions?: Reaction[], offset: number}} Stray
 */

/**
 * @typedef {object} OutboxEntry
 * @property {string} client_id
 * @property {string} room_id
 * @property {string} user_id
 * @property {string} content
 * @property {string} type
 * @property {string|null} reply_to id of the message answered
 * @property {number} created_at ms
 * @property {"queued"|"sending"|"sent"|"failed"} status queued: will be sent by itself (again), failed: the server refused
 *   it and a person must decide; sent: accepted, its echo is about to arrive
 * @property {number} attempts
 * @property {ApiErrorLike|null} error last error
 * @property {Message|null} message what the server answered, once sent
 * @property {string} owner id of the tab that sends it
 */

/**
 * @typedef {object} ApiErrorLike
 * @property {string} code
 * @property {string} detail
 * @property {string|null} attr
 * @property {number} status 0: no answer at all
 * @property {number|null} retryAfter seconds
 */

/**
 * What the connection chip says.
 *
 * @typedef {object} ConnectionInfo
 * @property {"idle"|"connecting"|"live"|"polling"|"reconnecting"|"offline"} state
 * @property {number} since ms; when this state began
 * @property {number|null} nextAttemptAt ms; when the next attempt starts (also while polling: the next try of the socket)
 * @property {boolean} attempting an attempt is under way now
 */

/**
 * A position in a stream of changes, with what arrived past a gap.
 *
 * @typedef {object} Stream
 * @property {number|null} offset null: not known yet; what arrives waits in `ahead`
 * @property {string|null} epoch
 * @property {Record<number, AppliedEvent>} ahead
 * @property {number} head_offset
 */

/**
 * @typedef {object} AppState
 * @property {"starting"|"signed-out"|"ready"|"error"} status
 * @property {string|null} signedOutReason code: signed_out, session_ended, banned
 * @property {ApiErrorLike|null} error why the start failed (with status "error": call `start()` again)
 * @property {Me|null} me
 * @property {ConnectionInfo} connection
 * @property {Record<string, Room>} rooms
 * @property {"idle"|"loading"|"ready"|"error"} roomsStatus "ready" with no rooms means: none yet
 * @property {AppliedEvent[]} roomsLog own events applied while the rooms were loading (internal)
 * @property {Stream} stream position in one's own stream
 * @property {Record<string, number>} stale rooms whose summary is to be fetched, and the offset heard of (internal)
 * @property {Record<string, string>} gone rooms that went away under our eyes: room id → reason (removed, deleted, left,
 *   not_found)
 * @property {string|null} openRoomId
 * @property {Record<string, Timeline>} timelines
 * @property {Record<string, MemberList>} members
 * @property {Record<string, OutboxEntry>} outbox by client_id
 * @property {Record<string, Record<string, number>>} typing room → user id → ms until when it counts
 * @property {Record<string, UserCard>} users every person seen so far
 */

/**
 * Anything that changes the state. Server events have the names of the wire (`message:created`, …) and, when durable, an
 * offset and the key of their stream; events of this client have names starting with `local:`.
 *
 * @typedef {object} AppliedEvent
 * @property {string} event
 * @property {any} payload
 * @property {string} [stream] `room:<id>` or `user:<id>`
 * @property {number} [offset]
 * @property {string} [epoch]
 * @property {number} [at] ms; when this client received it
 */

/**
 * One line of a timeline, ready to draw.
 *
 * @typedef {{kind: "message", key: string, message: Message, pinned: boolean}
 *   | {kind: "hole", key: string, beforeId: string|null, status: "idle"|"loading"|"error"}
 *   | {kind: "pending", key: string, entry: OutboxEntry}} TimelineItem
 *   A hole with `beforeId` null is a gap in live changes; it closes by itself. Any other is filled by
 *   `app.loadBefore(roomId, beforeId)`. Earlier history at the top is not a hole: see `hasMoreBefore`.
 */

/**
 * @template S
 * @typedef {object} Store
 * @property {() => S} getState
 * @property {(...events: AppliedEvent[]) => void} dispatch listeners hear of all of them together
 * @property {<T>(select: (state: S) => T, listen: (value: T, previous: T) => void) => () => void} subscribe calls `listen`
 *   when the selected part is another object or value than before; returns the function that ends it
 */

/**
 * @typedef {object} SendOptions
 * @property {string} [replyTo] id of the message answered
 * @property {string} [type]
 */

/**
 * The engine.
 *
 * @typedef {object} App
 * @property {Store<AppState>} store
 * @property {() => Promise<void>} start refresh the sign-in, load oneself and the rooms, connect; status tells the outcome
 * @property {() => void} stop close everything (tests, page teardown)
 * @property {(username: string, password: string) => Promise<void>} signIn sign in, then start
 * @property {(fields: {username: string, password: string, display_name?: string}) => Promise<void>} register
 * @property {(options?: {everywhere?: boolean}) => Promise<void>} signOut this device, or all
 * @property {(roomId: string) => Promise<void>} openRoom show this room: snapshot or recovery, then live; closes the one before
 * @property {() => void} closeRoom
 * @property {(roomId: string) => Promise<void>} loadEarlier one page before the first message; nothing when loading or at the start
 * @property {(roomId: string, beforeId: string) => Promise<void>} loadBefore fill a hole in place
 * @property {(roomId: string) => Promise<void>} reloadRoom after an error: take the snapshot again
 * @property {(roomId: string, content: string, options?: SendOptions) => string} send returns the client_id
 * @property {(clientId: string) => void} retry
 * @property {(clientId: string) => void} discard
 * @property {(messageId: string, content: string) => Promise<void>} edit rejects with `version_conflict` when somebody was faster
 * @property {(messageId: string) => Promise<void>} recall
 * @property {(roomId: string) => void} markRead only counts while the page is visible and focused
 * @property {(roomId: string, on: boolean) => void} typing call on every key; throttled here
 * @property {(fields: {kind: "direct"|"group"|"public", name?: string, member_ids?: string[]}) => Promise<Room>} createRoom
 * @property {(roomId: string, fields: Record<string, unknown>) => Promise<void>} updateRoom
 * @property {(roomId: string) => Promise<void>} deleteRoom
 * @property {(roomId: string) => Promise<void>} joinRoom public rooms
 * @property {(roomId: string) => Promise<void>} leaveRoom
 * @property {(roomId: string) => Promise<void>} loadMembers fills `state.members[roomId]`
 * @property {(roomId: string, userIds: string[], role?: string) => Promise<void>} addMembers
 * @property {(roomId: string, userId: string) => Promise<void>} removeMember
 * @property {(roomId: string, userId: string, role: string) => Promise<void>} changeRole
 * @property {(roomId: string, fields?: {expires_in?: number, max_uses?: number}) => Promise<{code: string, url: string}>} createInvite
 * @property {(code: string) => Promise<string>} redeemInvite the id of the room
 * @property {(fields: {display_name?: string}) => Promise<void>} updateProfile change what others see of oneself
 * @property {(query: string) => Promise<UserCard[]>} searchUsers
 * @property {() => Promise<Room[]>} listPublicRooms the directory; not kept in the state
 * @property {() => void} tryNow connect at once (the chip's button)
 */

export {};
