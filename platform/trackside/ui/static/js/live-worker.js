// The live stream outside of any page: as a SharedWorker for all tabs of this browser, as a Worker for one.
import { Line } from "./live-line.js";

const line = new Line();
if ("onconnect" in self) self.onconnect = (event) => line.accept(event.ports[0]);
else line.accept(self);
