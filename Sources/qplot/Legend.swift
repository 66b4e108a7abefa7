/// The named layers, one of each name, from left to right in as many lines as they need.
struct Legend {
  struct Entry {
    let layer: Layer
    let name: String
    /// In characters, from the left.
    let column: Int
    let line: Int
  }

  private(set) var entries: [Entry] = []
  private(set) var lines = 0

  /// `width` in characters.
  init(_ drawing: Drawing, width: Int) {
    var seen: Set<String> = []
    var column = 0
    for layer in drawing.panels.flatMap(\.layers) {
      guard let name = layer.name, seen.insert(name).inserted else { continue }
      let shown = shortened(name, to: 40)
      let needed = Legend.sample + shown.count
      if column > 0, column + needed > width { (column, lines) = (0, lines + 1) }
      entries.append(Entry(layer: layer, name: shown, column: column, line: lines))
      column += needed + 3
    }
    if !entries.isEmpty { lines += 1 }
  }

  /// Characters that a sample and the blank behind it take.
  static let sample = 4
}
