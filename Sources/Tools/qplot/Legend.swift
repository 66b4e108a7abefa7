/// The named layers, one of each name and ink, from left to right in as many lines as they need.
struct Legend {
  struct Entry {
    let layer: Layer
    let name: String
    /// Where its sample begins.
    let x: Double
    let line: Int
  }

  private(set) var entries: [Entry] = []
  private(set) var lines = 0
  let sampleWidth: Double
  /// Between a sample and its name.
  let gap: Double

  init(_ drawing: Drawing, _ metrics: TextMetrics, width: Double) {
    sampleWidth = metrics.isCharacters ? 2 : 24
    gap = metrics.isCharacters ? 1 : 6
    var layers: [Layer] = []
    for layer in drawing.panels.flatMap(\.layers) where layer.name != nil {
      if !layers.contains(where: { $0.name == layer.name && $0.ink == layer.ink }) { layers.append(layer) }
    }
    let ranked = layers.enumerated().sorted { ($0.element.legendRank, $0.offset) < ($1.element.legendRank, $1.offset) }
    var x = 0.0
    for layer in ranked.map(\.element) {
      let name = metrics.shortened(layer.name!, to: min(width - sampleWidth - gap, metrics.isCharacters ? 40 : 300))
      let needed = sampleWidth + gap + metrics.width(name)
      if x > 0, x + needed > width { (x, lines) = (0, lines + 1) }
      entries.append(Entry(layer: layer, name: name, x: x, line: lines))
      x += needed + (metrics.isCharacters ? 3 : 18)
    }
    if !entries.isEmpty { lines += 1 }
  }
}
