/// Turns shapes into marks for a terminal, two or more for each character they cover.
struct CharacterGrid {
  private let panel: Panel
  private let stepX: Double
  private let stepY: Double

  init(_ panel: Panel, columns: Int, lines: Int) {
    self.panel = panel
    stepX = (panel.x.range.upperBound - panel.x.range.lowerBound) / Double(2 * columns)
    stepY = (panel.y.range.upperBound - panel.y.range.lowerBound) / Double(2 * lines)
  }

  func marks(of shape: Layer.Shape) -> [Point] {
    switch shape {
    case .points(let points): return points
    case .line(let runs): return runs.flatMap(marks)
    case .area(let runs): return runs.flatMap(marks)
    case .boxes(let boxes):
      // Bars beside names have a line each, and lines between them.
      var inset = 0.0
      if case .names = panel.y.kind { inset = 0.3 }
      return boxes.flatMap { box in
        let margin = inset * (box.y.upperBound - box.y.lowerBound)
        let heights = steps(box.y.lowerBound + margin, box.y.upperBound - margin, stepY)
        // No wider than drawn: what rounds to less than a step is nothing.
        return steps(box.x.lowerBound, box.x.upperBound, stepX).dropLast().flatMap { x in heights.map { Point(x: x, y: $0) } }
      }
    case .texts: return []
    }
  }

  private func steps(_ low: Double, _ high: Double, _ step: Double) -> [Double] {
    let count = max(1, min(2000, Int(((high - low) / step).rounded(.up))))
    return (0...count).map { low + (high - low) * Double($0) / Double(count) }
  }

  private func marks(_ line: [Point]) -> [Point] {
    guard line.count > 1 else { return line }
    return zip(line, line.dropFirst()).flatMap { a, b in
      let count = max(1, min(500, Int(max(abs(b.x - a.x) / stepX, abs(b.y - a.y) / stepY))))
      return (0...count).map { k in
        let share = Double(k) / Double(count)
        return Point(x: a.x + share * (b.x - a.x), y: a.y + share * (b.y - a.y))
      }
    }
  }

  private func marks(_ area: [Span]) -> [Point] {
    guard let first = area.first, let last = area.last else { return [] }
    var k = 0
    return steps(first.x, last.x, stepX).flatMap { x -> [Point] in
      while k + 1 < area.count - 1, area[k + 1].x < x { k += 1 }
      let a = area[k]
      let b = area[min(k + 1, area.count - 1)]
      let share = b.x > a.x ? (x - a.x) / (b.x - a.x) : 0
      return steps(a.low + share * (b.low - a.low), a.high + share * (b.high - a.high), stepY).map { Point(x: x, y: $0) }
    }
  }
}
