// Loaded before the command by a test (`node --import`): does something at the moment when the command writes a text.
// The command does it itself, so that it comes in time however busy the machine is. One after the other, as in
// SPLITMASK_TEST_WHEN_SAID='[["step 1/60", {"signal": "SIGINT"}], ["stopping", {"rename": ["from", "to"]}]]'.
import { renameSync } from "node:fs";

const waiting = JSON.parse(process.env.SPLITMASK_TEST_WHEN_SAID);

for (const stream of [process.stdout, process.stderr]) {
  const write = stream.write.bind(stream);
  stream.write = (text, ...rest) => {
    const written = write(text, ...rest);
    if (waiting.length > 0 && String(text).includes(waiting[0][0])) {
      const [[, { rename, signal }]] = waiting.splice(0, 1);
      if (rename !== undefined) renameSync(...rename);
      if (signal !== undefined) process.kill(process.pid, signal);
    }
    return written;
  };
}
