// Where data centres stand, and the median round trips that were measured between them in the 30 days to 2026-07-30, as published by
// Microsoft for the regions of Azure ("Azure network round-trip latency statistics", learn.microsoft.com/azure/networking/azure-network-latency,
// the edition of P50 dated 2026-07-30, CC BY 4.0). A region is named after the town it is in or near; of the two directions, which differ by
// a few milliseconds, the mean is taken, since a link has one length.

export interface City {
  readonly name: string;
  /** As the source names it. */
  readonly region: string;
}

export const CITIES: readonly City[] = [
  { name: 'Frankfurt', region: 'Germany West Central' },
  { name: 'London', region: 'UK South' },
  { name: 'Zurich', region: 'Switzerland North' },
  { name: 'Stockholm', region: 'Sweden Central' },
  { name: 'Madrid', region: 'Spain Central' },
  { name: 'Warsaw', region: 'Poland Central' },
  { name: 'Richmond', region: 'East US' },
  { name: 'Toronto', region: 'Canada Central' },
  { name: 'Chicago', region: 'North Central US' },
  { name: 'San Antonio', region: 'South Central US' },
  { name: 'San Jose', region: 'West US' },
  { name: 'Seattle', region: 'West US 2' },
  { name: 'Sao Paulo', region: 'Brazil South' },
  { name: 'Johannesburg', region: 'South Africa North' },
  { name: 'Pune', region: 'Central India' },
  { name: 'Singapore', region: 'Southeast Asia' },
  { name: 'Hong Kong', region: 'East Asia' },
  { name: 'Tokyo', region: 'Japan East' },
  { name: 'Seoul', region: 'Korea Central' },
  { name: 'Sydney', region: 'Australia East' },
];

/** Row by row: from a city to those before it in the list. */
const PUBLISHED_MS: readonly (readonly number[])[] = [
  [],
  [16.5],
  [9.5, 23],
  [27.5, 31, 31.5],
  [26.5, 25, 28, 50.5],
  [23, 29, 27, 25.5, 47],
  [94, 78, 98, 100, 81, 101],
  [97, 81, 98, 107.5, 91, 108, 18],
  [110, 97, 113.5, 120, 95.5, 116, 19.5, 18.5],
  [123, 112.5, 130, 136, 103.5, 135, 35.5, 53, 38],
  [151.5, 140, 156, 161, 134, 161, 68, 69, 51.5, 35],
  [154.5, 139, 155.5, 158.5, 141.5, 160, 72, 64, 51, 54, 24],
  [197, 180.5, 197.5, 201, 183, 203, 117.5, 129, 138, 139, 169, 177],
  [165.5, 163.5, 168, 187, 142.5, 185.5, 219.5, 230, 233.5, 244, 272.5, 279.5, 321],
  [139.5, 141, 118, 160.5, 133.5, 149.5, 199.5, 201, 216.5, 233, 217.5, 210.5, 303.5, 130.5],
  [166, 167, 161, 190.5, 165, 184, 224, 222, 209.5, 201, 170, 162, 330.5, 177, 53],
  [192.5, 200, 182.5, 219.5, 185.5, 204.5, 203, 200.5, 188, 173, 148, 141, 306.5, 210.5, 87.5, 36],
  [235.5, 229.5, 235, 252.5, 225, 249.5, 162, 160, 147.5, 129, 107.5, 100.5, 262, 249, 122, 72, 49],
  [
    239.5, 239.5, 228, 260, 236.5, 255, 184.5, 182, 169.5, 154, 130.5, 124, 283.5, 244, 120, 68, 39,
    29.5,
  ],
  [
    266.5, 261, 258, 285.5, 254, 278, 201.5, 202, 186.5, 162, 140, 160.5, 295, 328, 144.5, 95,
    121.5, 103.5, 126.5,
  ],
];

/** Within one data centre, where nothing is published. */
const NEAR_MS = 0.5;

/** Between two cities by their position in the list. */
export function roundTripMs(from: number, to: number): number {
  const [a, b] = [from % CITIES.length, to % CITIES.length];
  return PUBLISHED_MS[Math.max(a, b)]?.[Math.min(a, b)] ?? NEAR_MS;
}
