import { createMemoryStore } from "../../src/store/memory/memory-store.ts";
import { storeContract } from "../contract/store.ts";

storeContract("memory", async () => {
  const store = createMemoryStore();
  return { store, another: async () => store, remove: async () => undefined };
});
