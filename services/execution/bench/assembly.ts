/** Compiles AssemblyScript; exports `k_x` become update methods `x`. */
import { wat } from '../test/wasm/canisters.ts';

interface Assembler {
  main(
    argv: readonly string[],
    options: {
      readFile: (name: string) => string | null;
      writeFile: (name: string, content: string) => void;
      listFiles: () => string[];
    },
  ): Promise<{ readonly error: Error | null; readonly stderr: { toString(): string } }>;
}

export async function assembly(source: string): Promise<Uint8Array> {
  const compiler = (await import('assemblyscript/asc')).default as unknown as Assembler;
  let text = '';
  const { error, stderr } = await compiler.main(
    ['main.ts', '--textFile', 'main.wat', '-O3', '--runtime', 'incremental', '--use', 'abort='],
    {
      readFile: (name) => (name === 'main.ts' ? source : null),
      writeFile: (_name, content) => {
        text = content;
      },
      listFiles: () => [],
    },
  );
  if (error !== null) throw new Error(stderr.toString());
  // wabt does not know quoted identifiers.
  const plain = text.replace(/\$"[^"]*"/g, (name) => name.replaceAll(/[^\w$]/g, '_'));
  return wat(plain.replaceAll('(export "k_', '(export "canister_update '));
}
