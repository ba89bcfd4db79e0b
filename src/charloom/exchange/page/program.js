/** The program of the page, which is also that of its worker. */

import { serve } from "../javascript/service.js";
import { startPage } from "./start.js";

if (typeof document === "undefined") serve();
else void startPage();
