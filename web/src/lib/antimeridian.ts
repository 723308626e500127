// Shapes that cross 180°: carried on beyond it, so that none is drawn across the whole world.

/** The same line with longitudes that go on past ±180 rather than jumping to the other side. */
export function unwrapLine(line: readonly GeoJSON.Position[]): GeoJSON.Position[] {
  let shift = 0;
  return line.map(([x = 0, y = 0], i) => {
    const step = i > 0 ? x - line[i - 1]![0]! : 0;
    if (Math.abs(step) > 180) shift -= 360 * Math.sign(step);
    return [x + shift, y];
  });
}

/** The same ring; one that goes once around a pole can't be carried on and stays as it is. */
export function unwrapRing(ring: readonly GeoJSON.Position[]): GeoJSON.Position[] {
  const unwrapped = unwrapLine(ring);
  const closes = Math.abs((unwrapped[0]?.[0] ?? 0) - (unwrapped.at(-1)?.[0] ?? 0)) < 180;
  return closes ? unwrapped : [...ring];
}

/** Areas and lines carried on beyond 180°; other geometries as they are. */
export function unwrap(geometry: GeoJSON.Geometry): GeoJSON.Geometry {
  switch (geometry.type) {
    case "Polygon":
      return { ...geometry, coordinates: geometry.coordinates.map(unwrapRing) };
    case "MultiPolygon":
      return { ...geometry, coordinates: geometry.coordinates.map((rings) => rings.map(unwrapRing)) };
    case "MultiLineString":
      return { ...geometry, coordinates: geometry.coordinates.map(unwrapLine) };
    default:
      return geometry;
  }
}
