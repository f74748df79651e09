import { storeCompliance } from '../src/compliance.ts';
import { MemoryStore } from '../src/memory.ts';

storeCompliance('memory', async () => {
  const store = new MemoryStore();
  return {
    open: async () => store,
    end: async (how) => {
      if (how === 'crash') store.crash(Math.floor(store.unsyncedCount / 2));
    },
  };
});
