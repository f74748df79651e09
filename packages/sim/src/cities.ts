// Where data centres stand, and how long light and routers take between them. Round trips are an approximation of what
// is publicly known, not a measurement: great-circle distance, a detour of one half for the way that cables take, light in
// glass at 200 km a millisecond, and two milliseconds for the routers at both ends.

export interface City {
  readonly name: string;
  readonly latitude: number;
  readonly longitude: number;
}

export const CITIES: readonly City[] = [
  { name: 'Frankfurt', latitude: 50.1, longitude: 8.7 },
  { name: 'London', latitude: 51.5, longitude: -0.1 },
  { name: 'Zurich', latitude: 47.4, longitude: 8.5 },
  { name: 'Stockholm', latitude: 59.3, longitude: 18.1 },
  { name: 'Madrid', latitude: 40.4, longitude: -3.7 },
  { name: 'Warsaw', latitude: 52.2, longitude: 21 },
  { name: 'New York', latitude: 40.7, longitude: -74 },
  { name: 'Toronto', latitude: 43.7, longitude: -79.4 },
  { name: 'Chicago', latitude: 41.9, longitude: -87.6 },
  { name: 'Dallas', latitude: 32.8, longitude: -96.8 },
  { name: 'San Jose', latitude: 37.3, longitude: -121.9 },
  { name: 'Seattle', latitude: 47.6, longitude: -122.3 },
  { name: 'Sao Paulo', latitude: -23.5, longitude: -46.6 },
  { name: 'Johannesburg', latitude: -26.2, longitude: 28 },
  { name: 'Mumbai', latitude: 19.1, longitude: 72.9 },
  { name: 'Singapore', latitude: 1.35, longitude: 103.8 },
  { name: 'Hong Kong', latitude: 22.3, longitude: 114.2 },
  { name: 'Tokyo', latitude: 35.7, longitude: 139.7 },
  { name: 'Seoul', latitude: 37.6, longitude: 127 },
  { name: 'Sydney', latitude: -33.9, longitude: 151.2 },
];

const EARTH_RADIUS_KM = 6371;
const KM_PER_MS = 200;
const DETOUR = 1.5;
const ROUTERS_MS = 2;
/** Within one data centre. */
const NEAR_MS = 0.5;

function distanceKm(from: City, to: City): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const [a, b] = [radians(from.latitude), radians(to.latitude)];
  const half = (angle: number): number => Math.sin(angle / 2) ** 2;
  const arc =
    half(b - a) + Math.cos(a) * Math.cos(b) * half(radians(to.longitude - from.longitude));
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(arc));
}

const ROUND_TRIPS_MS = CITIES.map((from) =>
  CITIES.map((to) =>
    from === to ? NEAR_MS : (2 * distanceKm(from, to) * DETOUR) / KM_PER_MS + ROUTERS_MS,
  ),
);

/** Between two cities by their position in the list. */
export function roundTripMs(from: number, to: number): number {
  return ROUND_TRIPS_MS[from % CITIES.length]?.[to % CITIES.length] ?? NEAR_MS;
}
