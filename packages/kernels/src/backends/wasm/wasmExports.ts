/** The functions of native/wasm/host.cpp; addresses are those of the module's memory, 0 where there is none left. */
export interface WasmExports {
  readonly __stack_pointer: { value: number };
  readonly __tls_size: { value: number };
  __wasm_init_tls(address: number): void;
  _initialize(): void;

  kernelCount(): number;
  kernelName(kernel: number): number;
  kernelSignature(kernel: number): number;
  wordsOfCall(kernel: number): number;
  wordsOfItem(kernel: number): number;

  open(
    threads: number,
    ownThreads: number,
    fast: number,
    firstCache: number,
    secondCache: number,
    lastCache: number,
  ): void;
  allocateMemory(bytes: number): number;
  freeMemory(address: number): void;

  reserveWords(count: number): number;
  run(): void;
  allocate(bytes: number): number;
  release(id: number): void;
  allocateOutside(bytes: number): number;
  releaseOutside(id: number): void;
  addressOf(id: number): number;
  checksum(address: number, bytes: number): bigint;
  memoryState(): number;
  releaseCache(): void;
  beginUpload(id: number, byteOffset: number, bytes: number): number;
  endUpload(id: number, byteOffset: number, written: number, bytes: number): void;
  download(id: number, byteOffset: number, destination: number, bytes: number, ticket: number): void;
  synchronize(ticket: number): void;
  startProfile(simulatedThreads: number): void;
  stopProfile(ticket: number): void;
  takeCompletion(): number;
}
