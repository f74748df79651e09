/** How many of `n` members may fail in any way: f = floor((n - 1) / 3). */
export function faultsTolerated(n: number): number {
  return Math.floor((n - 1) / 3);
}
