import { spawn } from "node:child_process";
import { once } from "node:events";
import { CommandTerminal, type TextStream } from "@splitmask/cli";
import { bin } from "./command.js";

function stream(columns?: number): TextStream & { text: string } {
  return {
    text: "",
    ...(columns === undefined ? {} : { isTTY: true, columns }),
    write(text: string) {
      this.text += text;
    },
  };
}

test("on a terminal, progress is drawn in place, cut to the width, and cleared for other lines", () => {
  const output = stream(11);
  const terminal = new CommandTerminal({ output, error: output });
  terminal.progress("0123456789ABC", true);
  terminal.line("done");
  expect(output.text).toBe("\r\u001b[2K0123456789\r\u001b[2Kdone\n");
});

test("several lines of progress are drawn in place of those before", () => {
  const output = stream(11);
  const terminal = new CommandTerminal({ output, error: output });
  const up = "\u001b[1A\u001b[2K";
  terminal.progress(["one", "0123456789ABC"], true);
  terminal.progress("two", true);
  terminal.progress(["a", "b", "c"], true);
  terminal.line("done");
  const drawn = ["one\n0123456789", `${up}two`, "a\nb\nc", `${up}${up}done\n`];
  expect(output.text).toBe(drawn.map((text) => `\r\u001b[2K${text}`).join(""));
  const plain = stream();
  new CommandTerminal({ output: plain, error: plain }).progress(["one", "two"], true);
  expect(plain.text).toBe("one; two\n");
});

test("elsewhere, progress is plain lines, not more than one every ten seconds", () => {
  const output = stream();
  const terminal = new CommandTerminal({ output, error: output });
  for (let count = 0; count < 5; count++) terminal.progress(`step ${count}`);
  terminal.progress("last", true);
  terminal.endProgress();
  expect(output.text).toBe("step 0\nlast\n");
});

test("the last state is shown, however soon it comes", () => {
  const output = stream();
  const terminal = new CommandTerminal({ output, error: output });
  for (const done of [64, 80, 84]) terminal.progress(`${done} of 84`);
  terminal.endProgress();
  terminal.endProgress();
  expect(output.text).toBe("64 of 84\n84 of 84\n");
  terminal.progress("1 of 2");
  terminal.progress("2 of 2");
  terminal.line("done");
  terminal.result({}, ["100 %"]);
  expect(output.text).toBe("64 of 84\n84 of 84\n1 of 2\ndone\n100 %\n");
  const live = stream(20);
  const drawn = new CommandTerminal({ output: live, error: live });
  drawn.progress("1 of 2");
  drawn.progress("2 of 2");
  drawn.result({}, ["100 %"]);
  expect(live.text).toBe("\r\u001b[2K1 of 2\r\u001b[2K2 of 2\n100 %\n");
});

test("names cannot draw on the terminal", () => {
  const output = stream(80);
  const terminal = new CommandTerminal({ output, error: output });
  const name = "a\u001b[2J\u0007\r\nb\u009b1mc";
  const harmless = "a\\u001b[2J\\u0007\\u000d\nb\\u009b1mc\n";
  terminal.line(terminal.style.bold("x") + name);
  expect(output.text).toBe(`${terminal.style.bold("x")}${harmless}`);
  output.text = "";
  terminal.warn(name);
  terminal.result({}, [name]);
  expect(output.text).toBe(`${terminal.style.yellow("warning:")} ${harmless}${harmless}`);
  output.text = "";
  terminal.progress(name, true);
  expect(output.text).toBe("\r\u001b[2Ka\\u001b[2J\\u0007\\u000d\\nb\\u009b1mc");
});

test("with json, standard output holds the result alone; with quiet, people see only warnings and the result", () => {
  const [output, error] = [stream(), stream()];
  const terminal = new CommandTerminal({ output, error, json: true });
  terminal.line("hello");
  terminal.result({ accuracy: 0.5 }, ["50 %"]);
  expect(output.text).toBe('{"accuracy":0.5}\n');
  expect(error.text).toBe("hello\n");
  const [quietOutput, quietError] = [stream(), stream()];
  const quiet = new CommandTerminal({ output: quietOutput, error: quietError, quiet: true });
  quiet.line("hello");
  quiet.progress("step 1", true);
  quiet.warn("careful");
  quiet.result({}, ["50 %"]);
  expect(quietOutput.text).toBe("50 %\n");
  expect(quietError.text).toContain("careful");
});

test("a reader that stops reading, as head does, is no error", async () => {
  const child = spawn(process.execPath, [bin, "pretrain", "--help"], { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  let error = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    error += text;
  });
  const [code] = await once(child, "close");
  expect({ code, error }).toEqual({ code: 0, error: "" });
});
