/// A figure drawn with characters, a cell each.
struct CharacterPicture {
  private struct Cell {
    var text: String
    /// nil is the terminal's own, which alone is seen whether it is dark or light.
    var colour: String?
  }

  private let terminal: TerminalKind
  private let width: Int
  private var cells: [[Cell]]

  init(_ figure: Figure, on terminal: TerminalKind) {
    self.terminal = terminal
    width = Int(figure.width)
    cells = Array(repeating: Array(repeating: Cell(text: " "), count: width), count: Int(figure.height))
    let whole = Box(x: 0...figure.width, y: 0...figure.height)
    for frame in figure.frames {
      for layer in frame.layers { draw(layer, in: frame.area) }
      drawAxes(frame)
    }
    for sample in figure.samples { draw(sample, in: whole) }
    for text in figure.texts { write(text) }
  }

  /// The lines, without blanks at their ends.
  var text: String {
    cells.map { line in
      let end = (line.lastIndex { $0.text != " " } ?? -1) + 1
      var text = ""
      var colour: String?
      for cell in line[..<end] {
        if cell.colour != colour {
          text += cell.colour.map(terminal.escape) ?? TerminalKind.plainEscape
          colour = cell.colour
        }
        text += cell.text
      }
      return text + (colour == nil ? "" : TerminalKind.plainEscape) + "\n"
    }.joined()
  }

  private mutating func set(_ column: Int, _ line: Int, _ text: String, _ colour: String? = nil) {
    guard cells.indices.contains(line), column >= 0, column < width else { return }
    cells[line][column] = Cell(text: text, colour: colour)
  }

  private func shown(_ mark: Character) -> String {
    if terminal.isUnicode || mark.isASCII { return String(mark) }
    return ["·": "'", "░": ".", "▒": ":", "▓": "=", "█": "#", "│": "|", "┤": "+", "└": "+", "─": "-", "┬": "+", "…": "~"][mark] ?? "?"
  }

  private mutating func write(_ text: Figure.Text) {
    let metrics = TextMetrics(isCharacters: true)
    let length = metrics.width(text.text)
    let start =
      switch text.anchor {
      case .left: text.at.x
      case .centre: text.at.x - length / 2
      case .right: text.at.x - length
      }
    let line = Int(text.at.y)
    var column = max(0, min(Int((start + 0.5).rounded(.down)), width - Int(length)))
    for character in text.text {
      let wide = min(2, Int(metrics.width(String(character))))
      if wide == 0, column > 0, cells.indices.contains(line) { cells[line][column - 1].text.append(character) }
      guard wide > 0, column + wide <= width else { continue }
      set(column, line, character == "…" ? shown(character) : String(character))
      // A wide character stands in two cells.
      if wide == 2 { set(column + 1, line, "") }
      column += wide
    }
  }

  private mutating func drawAxes(_ frame: Figure.Frame) {
    let (left, right) = (Int(frame.area.x.lowerBound) - 1, Int(frame.area.x.upperBound))
    let (top, bottom) = (Int(frame.area.y.lowerBound), Int(frame.area.y.upperBound))
    for line in top..<bottom { set(left, line, shown("│")) }
    for column in left + 1..<right { set(column, bottom, shown("─")) }
    set(left, bottom, shown("└"))
    for tic in frame.yTics where Int(tic) < bottom { set(left, max(Int(tic), top), shown("┤")) }
    for tic in frame.xTics { set(min(max(Int(tic), left + 1), right - 1), bottom, shown("┬")) }
  }

  // MARK: Layers

  private mutating func draw(_ layer: Layer, in area: Box) {
    if layer.cells == .none { return }
    let columns = Int(area.x.lowerBound)...(Int(area.x.upperBound) - 1)
    let lines = Int(area.y.lowerBound)...(Int(area.y.upperBound) - 1)
    let mark = shown(layer.ink.mark)
    let isDark = [Ink.black, .median, .reference].contains(layer.ink)
    let colour = terminal.colours == .none || isDark ? nil : layer.ink.colour
    func clamped(_ value: Double, _ range: ClosedRange<Int>) -> Int { Int(min(max(value, Double(range.lowerBound)), Double(range.upperBound))) }
    /// Cells whose middles lie in a range.
    func covered(_ range: ClosedRange<Double>, _ cells: ClosedRange<Int>) -> Range<Int> {
      let (from, to) = ((range.lowerBound + 0.5).rounded(.down), (range.upperBound + 0.5).rounded(.down))
      let first = max(Int(max(from, -1)), cells.lowerBound)
      return first..<max(first, min(Int(min(to, 1e6)), cells.upperBound + 1))
    }
    /// The same, and the nearest cell where there is none.
    func touched(_ range: ClosedRange<Double>, _ cells: ClosedRange<Int>) -> Range<Int> {
      let covered = covered(range, cells)
      let middle = clamped((range.lowerBound + range.upperBound) / 2, cells)
      return covered.isEmpty ? middle..<(middle + 1) : covered
    }
    let free = [" ", shown(Ink.band.mark), shown(Ink.wideBand.mark)]
    func put(_ column: Int, _ line: Int) { if layer.cells == .all || free.contains(cells[line][column].text) { set(column, line, mark, colour) } }
    func fill(_ columns: Range<Int>, _ lines: Range<Int>) { for line in lines { for column in columns { put(column, line) } } }
    func point(_ x: Double, _ y: Double) { put(clamped(x, columns), clamped(y, lines)) }
    func path(_ points: [Point]) {
      if let first = points.first { point(first.x, first.y) }
      for (a, b) in zip(points, points.dropFirst()) {
        let count = max(1, Int(2 * max(abs(b.x - a.x), abs(b.y - a.y))))
        for k in 0...count {
          let share = Double(k) / Double(count)
          point(a.x + share * (b.x - a.x), a.y + share * (b.y - a.y))
        }
      }
    }

    switch layer.shape {
    case .points(let points): for each in points { point(each.x, each.y) }
    case .line(let runs): runs.forEach(path)
    case .markedLine(let points): path(points)
    case .strokes(let strokes): for stroke in strokes { for column in touched(stroke.x, columns) { point(Double(column), stroke.y) } }
    case .bars(let boxes, let isHorizontal):
      for box in boxes {
        fill(isHorizontal ? covered(box.x, columns) : touched(box.x, columns), isHorizontal ? barLines(box.y, lines) : covered(box.y, lines))
      }
    case .area(let runs):
      for run in runs {
        var k = 0
        guard let first = run.first, let last = run.last else { continue }
        for column in touched(first.x...last.x, columns) {
          let x = Double(column) + 0.5
          while k + 2 < run.count, run[k + 1].x < x { k += 1 }
          let (a, b) = (run[k], run[min(k + 1, run.count - 1)])
          let share = b.x > a.x ? min(max((x - a.x) / (b.x - a.x), 0), 1) : 0
          let ends = (a.low + share * (b.low - a.low), a.high + share * (b.high - a.high))
          fill(column..<(column + 1), covered(min(ends.0, ends.1)...max(ends.0, ends.1), lines))
        }
      }
    case .texts: break
    }
  }

  /// The one line of a bar from left to right: that of its middle, where its name stands.
  private func barLines(_ range: ClosedRange<Double>, _ lines: ClosedRange<Int>) -> Range<Int> {
    let line = min(max(Int((range.lowerBound + range.upperBound) / 2), lines.lowerBound), lines.upperBound)
    return line..<(line + 1)
  }
}
