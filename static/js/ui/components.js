/** All components, defined by being imported. */

import "./announcer.js";
import "./composer.js";
import "./connection.js";
import "./create-room.js";
import "./directory.js";
import "./members.js";
import "./notices.js";
import "./people-picker.js";
import "./plain-dialogs.js";
import "./profile.js";
import "./room-dialogs.js";
import "./room-list.js";
import "./room-pane.js";
import "./switcher.js";
import "./timeline.js";
import "./typing.js";
import "./virtual-list.js";
