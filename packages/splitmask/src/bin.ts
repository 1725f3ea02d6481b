#!/usr/bin/env node
import "@splitmask/cli/bin";
