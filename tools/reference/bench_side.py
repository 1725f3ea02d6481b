"""The child's half of a side of `npm run bench`, as benchmarks/serve.mjs has it in Node.js."""
import json
import sys
import time


def peak_bytes():
    with open("/proc/self/status") as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def answer(value):
    print("@bench " + json.dumps(value), flush=True)


def serve(information, step):
    """Answers lines of standard input until it ends. `step` returns how many steps it has done."""
    answer({"ready": True, **information})
    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "memory":
            answer({"peakBytes": peak_bytes()})
        elif command == "round":
            start, count, seconds = time.perf_counter(), 0, 0.0
            while count == 0 or seconds < float(arguments[0]):
                count += step()
                seconds = time.perf_counter() - start
            answer({"steps": count, "seconds": seconds})
