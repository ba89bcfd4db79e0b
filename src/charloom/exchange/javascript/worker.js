/** The entry of a worker; service.js has its work. */

import { serve } from "./service.js";

serve();
