// Starts what the page needs; each module does nothing on pages that have no use for it.
import { startActions } from "./actions.js";
import { startFilter } from "./filter.js";
import { startKeys } from "./keys.js";
import { startLive } from "./live.js";
import { startPreferences } from "./preferences.js";
import { startTimeline } from "./timeline.js";
import { startTimes } from "./times.js";
import { startToasts } from "./toast.js";

startTimes();
startToasts();
startPreferences();
startFilter();
startActions();
startTimeline();
startKeys();
startLive();
