import Tables

/// A drawing as commands of gnuplot.
///
/// Names from the table stand in single quotes only, where gnuplot expands nothing, and are never read as markup; numbers stand in
/// data blocks. So no name can do anything but be shown.
struct GnuplotScript {
  private(set) var text = ""
  private let drawing: Drawing
  private let format: PictureFormat
  private let terminal: TerminalKind
  private let canvas: Canvas
  private let title: [String]
  /// From one line of the title to the next, in heights of a character.
  private var titleStep: Double { isText ? 1 : 1.35 }
  /// Size of the text of axes: SVG has pixels, the others points of 4/3 pixels.
  private var fontSize: Double { format == .svg ? 12 : 9 }
  private let caption: [String]
  private let legend: Legend
  private let columns: Int
  private var blocks = 0
  private var isText: Bool { format == .terminal }
  /// Heights of the strips above and below the panels.
  private let top: Double
  private let bottom: Double

  init(_ drawing: Drawing, format: PictureFormat, title: String?) {
    self.drawing = drawing
    self.format = format
    terminal = TerminalKind.current()
    let isText = format == .terminal
    columns = isText ? 1 : min(drawing.columns, drawing.panels.count)
    let rows = Double((drawing.panels.count + columns - 1) / columns)
    let character: (width: Double, height: Double) = isText ? (1, 1) : (6.6, 15)
    let width = isText ? Double(terminal.columns) : Double(columns) * drawing.panelSize.width
    let room = Int(width / character.width / (isText ? 1 : 1.25)) - 4
    self.title = wrapped(title ?? "", columns: room).map { shortened($0, to: room) }
    legend = Legend(drawing, width: Int(width / character.width) - 4)
    caption = wrapped(drawing.caption.joined(separator: "; "), columns: Int(width / character.width * (isText ? 1 : 1.1)) - 4)
    let air = isText ? 0 : 0.6
    let titleHeight = self.title.isEmpty ? 0 : Double(self.title.count - 1) * (isText ? 1 : 1.35) + 1 + air
    top = character.height * (titleHeight + (legend.entries.isEmpty ? 0 : Double(legend.lines) * (isText ? 1 : 1.25) + air))
    bottom = character.height * (caption.isEmpty ? 0 : Double(caption.count) + air)
    let height: Double
    if isText {
      let left = Double(terminal.lines - 1) - top - bottom
      height = rows * (drawing.panelLines.map(Double.init) ?? (drawing.panels.count == 1 ? max(left, 10) : 15))
    } else {
      height = rows * drawing.panelSize.height
    }
    canvas = Canvas(width: width, height: height + top + bottom, character: character)
    write()
  }

  /// A size relative to that of the axes, and a colour; a terminal has one of both.
  private func font(_ size: Double, _ colour: String = "#000000") -> String {
    isText ? "" : " font ',\(Double(Int(size * fontSize * 10)) / 10)' textcolor rgb '\(colour)'"
  }

  private mutating func line(_ command: String) { text += command + "\n" }

  private mutating func write() {
    line("set encoding utf8")
    line(terminalCommand)
    line("set multiplot")
    line("set border 3" + (isText ? "" : " linecolor rgb '#444444'"))
    line("set tics nomirror \(isText ? "" : "out scale 0.6 textcolor rgb '#222222'")")
    let gridded = drawing.panels.contains { if case .names = $0.y.kind { true } else { false } } ? "noytics xtics" : "ytics"
    if !isText { line("set grid \(gridded) linecolor rgb '#E6E6E6' linewidth 0.6 linetype 1 back") }
    for k in drawing.panels.indices { write(drawing.panels[k], number: k) }
    line("unset multiplot")
  }

  private var terminalCommand: String {
    let (width, height) = (canvas.width, canvas.height)
    switch format {
    case .svg: return "set terminal svg size \(Int(width)),\(Int(height)) noenhanced font 'sans-serif,12' background '#FFFFFF'"
    // Twice as many pixels, for screens that have them.
    case .png: return "set terminal pngcairo size \(Int(2 * width)),\(Int(2 * height)) noenhanced font 'sans,9' fontscale 2 linewidth 2 pointscale 2 background '#FFFFFF'"
    case .pdf: return "set terminal pdfcairo size \(width / 96)in,\(height / 96)in noenhanced font 'sans,9' fontscale 0.75 background '#FFFFFF'"
    case .terminal:
      return "set terminal dumb size \(Int(width)),\(Int(height)) noenhanced \(terminal.hasColours ? "ansirgb" : "mono")"
    }
  }

  // MARK: Panels

  private mutating func write(_ panel: Panel, number: Int) {
    let rows = (drawing.panels.count + columns - 1) / columns
    let (row, column) = (number / columns, number % columns)
    let height = (canvas.height - top - bottom) / Double(rows)
    line("set origin \(Double(column) / Double(columns)),\((bottom + Double(rows - 1 - row) * height) / canvas.height)")
    line("set size \(1 / Double(columns)),\(height / canvas.height)")
    line("unset label")
    line("unset arrow")
    line("unset object")
    line("unset key")
    if number == 0 { writeStrips() }
    let width = Int(canvas.width / Double(columns) / canvas.character.width / (isText ? 1 : 1.1))
    let title = elided(isText ? [panel.title, panel.y.label].filter { !$0.isEmpty }.joined(separator: ": ") : panel.title, to: width - 14)
    if !title.isEmpty { line("set label \(quoted(title)) at graph 0, graph 1 offset 0,\(isText ? 1 : 0.9) left\(font(1.1))") }
    line("set tmargin \(title.isEmpty ? 1 : 2)")
    line("set rmargin \(isText ? 2 : 3)")
    if case .names(let names) = panel.y.kind {
      line("set lmargin \(Double(min(names.map { $0.name.count }.max() ?? 0, Self.longestName)) * (isText ? 1 : 1.02) + 3)")
    } else if columns == 1, drawing.panels.count > 1 {
      line("set lmargin 10")
    }
    write(panel.x, "x")
    write(panel.y, "y")
    var plots: [String] = []
    for layer in panel.layers { plots += write(layer, panel) }
    // Something is always plotted, so that the axes are.
    plots.append("NaN notitle")
    line("plot " + plots.joined(separator: ", \\\n  "))
  }

  /// Title, legend and caption, at places of the whole picture.
  private mutating func writeStrips() {
    let character = canvas.character
    func place(_ fromTop: Double) -> Double { 1 - fromTop * character.height / canvas.height }
    var used = 0.0
    for text in title {
      line("set label \(quoted(text)) at screen 0.5,\(place(used + (isText ? 0.5 : 1))) center\(font(1.25))")
      used += titleStep
    }
    if !isText, !title.isEmpty { used += 0.25 }
    for entry in legend.entries { write(entry, y: place(used + (isText ? 0.5 : 0.9) + Double(entry.line) * (isText ? 1 : 1.25))) }
    for (k, text) in caption.enumerated() {
      let y = Double(caption.count - 1 - k) + (isText ? 0.5 : 0.7)
      line("set label \(quoted(text)) at screen \(2 * character.width / canvas.width),\(y * character.height / canvas.height) left\(font(0.9, "#555555"))")
    }
  }

  /// An entry of the legend, its middle at a height of the whole picture.
  private mutating func write(_ entry: Legend.Entry, y: Double) {
    let (layer, width, height) = (entry.layer, canvas.character.width / canvas.width, canvas.character.height / canvas.height)
    let x = Double(entry.column + 2) * width
    if isText { return line("set label \(quoted("\(mark(layer)) \(entry.name)")) at screen \(x),\(y) left \(colour(layer, "textcolor"))") }
    let end = x + 2.8 * width
    switch layer.shape {
    case .area, .boxes, .texts:
      line("set object rectangle from screen \(x),\(y - 0.35 * height) to screen \(end),\(y + 0.35 * height) \(fill(layer)) noborder")
    case .line: line("set arrow from screen \(x),\(y) to screen \(end),\(y) nohead \(stroke(layer))")
    case .points: line("set label '' at screen \(x + 1.8 * width),\(y) point pointtype 7 pointsize 0.4 linecolor rgb '\(layer.ink.colour)'")
    }
    line("set label \(quoted(entry.name)) at screen \(x + 3.6 * width),\(y) left textcolor rgb '#222222'")
  }

  private static let longestName = 40

  private mutating func write(_ axis: Axis, _ letter: String) {
    line("set \(letter)label \(isText && letter == "y" ? "''" : quoted(axis.label))")
    line("set \(letter)range [\(axis.range.lowerBound):\(axis.range.upperBound)]")
    line("set \(letter)tics autofreq")
    switch axis.kind {
    case .number: line("set format \(letter) '%h'")
    case .whole:
      line("set format \(letter) '%h'")
      if axis.range.upperBound - axis.range.lowerBound < 10 { line("set \(letter)tics 1") }
    case .time:
      // Beside the panel stand the numbers of the other axis.
      let tics = TimeTics(axis.range, columns: Int(canvas.width / Double(columns) / canvas.character.width) - 14).tics
      if tics.isEmpty { line("set format \(letter) '%H:%M:%S' timedate") } else { line("set \(letter)tics (\(tics.map { "'\($0.label)' \($0.place)" }.joined(separator: ", ")))") }
    case .names(let names):
      // A label of a tic is a format for its number.
      let labels = names.map { name in
        "\(quoted(shortened(name.name, to: Self.longestName)).replacing("%", by: "%%")) \(name.place)"
      }
      line("set \(letter)tics (\(labels.joined(separator: ", ")))")
    }
  }

  // MARK: Layers

  /// Writes the layer's numbers; what `plot` says of them.
  private mutating func write(_ layer: Layer, _ panel: Panel) -> [String] {
    if case .texts(let texts) = layer.shape {
      for (at, text) in texts {
        line("set label \(quoted(text)) at \(at.x),\(at.y) left offset \(isText ? "1" : "0.6"),0\(font(0.9, layer.ink.colour))")
      }
      return []
    }
    if isText {
      let grid = CharacterGrid(panel, columns: canvas.columns, lines: Int(canvas.height))
      return [block(grid.marks(of: layer.shape).map { "\($0.x) \($0.y)" }) + " using 1:2 with points pointtype \(quoted(String(mark(layer)))) \(colour(layer, "linecolor")) notitle"]
    }
    switch layer.shape {
    case .area(let runs):
      let lines = runs.map { $0.map { "\($0.x) \($0.low) \($0.high)" } }
      return [block(separated(lines)) + " using 1:2:3 with filledcurves \(fill(layer)) noborder notitle"]
    case .boxes(let boxes):
      let lines = boxes.map { "\($0.x.lowerBound) \($0.y.lowerBound) \($0.x.lowerBound) \($0.x.upperBound) \($0.y.lowerBound) \($0.y.upperBound)" }
      return [block(lines) + " using 1:2:3:4:5:6 with boxxyerror \(fill(layer)) border rgb '#FFFFFF' notitle"]
    case .line(let runs):
      return [block(separated(runs.map { $0.map { "\($0.x) \($0.y)" } })) + " using 1:2 with lines \(stroke(layer)) notitle"]
    case .points(let points):
      return [block(points.map { "\($0.x) \($0.y)" }) + " using 1:2 with points pointtype 7 pointsize 0.35 linecolor rgb '\(layer.ink.colour)' notitle"]
    case .texts: return []
    }
  }

  private func separated(_ runs: [[String]]) -> [String] { Array(runs.joined(separator: [""])) }

  private func fill(_ layer: Layer) -> String { "fillcolor rgb '\(layer.ink.colour)' fillstyle solid 1" }
  private func stroke(_ layer: Layer) -> String { "linecolor rgb '\(layer.ink.colour)' linewidth \(layer.isDashed ? 1 : 1.8) dashtype \(layer.isDashed ? 2 : 1)" }

  private func mark(_ layer: Layer) -> Character {
    let mark = layer.ink.mark
    return terminal.isUnicode || mark.isASCII ? mark : ["░": ".", "▒": ":", "▓": "=", "█": "#"][mark] ?? "#"
  }

  /// What is dark is left to the terminal, which may itself be dark.
  private func colour(_ layer: Layer, _ what: String) -> String {
    terminal.hasColours && ![Ink.black.colour, Ink.median.colour].contains(layer.ink.colour) ? "\(what) rgb '\(layer.ink.colour)'" : what == "linecolor" ? "linecolor black" : ""
  }

  /// A data block of these lines; one without a number in it has one that is none.
  private mutating func block(_ lines: [String]) -> String {
    blocks += 1
    line("$d\(blocks) << EOD")
    for each in lines.isEmpty ? ["NaN NaN NaN NaN NaN NaN"] : lines { line(each) }
    line("EOD")
    return "$d\(blocks)"
  }
}

/// A text as gnuplot reads it in single quotes: a quote is doubled, and nothing else has a meaning. Control characters are escaped.
func quoted(_ text: String) -> String { "'" + escapingControls(shortened(text, to: 400)).replacing("'", by: "''") + "'" }

func shortened(_ text: String, to length: Int) -> String { text.count > length ? text.prefix(length - 1) + "…" : text }

/// Shortens in the middle: a title ends in what tells panels of one model apart.
private func elided(_ text: String, to length: Int) -> String {
  text.count > length ? text.prefix(length - 1 - length / 3) + "…" + text.suffix(length / 3) : text
}

/// Breaks a text between words.
func wrapped(_ text: String, columns: Int) -> [String] {
  var lines: [String] = []
  for word in text.split(separator: " ") {
    if let last = lines.last, last.count + 1 + word.count <= columns { lines[lines.count - 1] = last + " " + word } else { lines.append(String(word)) }
  }
  return lines
}

extension String {
  fileprivate func replacing(_ character: Character, by text: String) -> String { map { $0 == character ? text : String($0) }.joined() }
}
