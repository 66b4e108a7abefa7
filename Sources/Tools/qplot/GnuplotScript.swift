import Tables

/// A figure as commands of gnuplot: one plot as large as the picture, whose coordinates are pixels.
///
/// Texts are written so that gnuplot expands nothing in them and reads them not as markup; numbers stand in data blocks. So no name can
/// do anything but be shown.
struct GnuplotScript {
  /// How wide or high a PNG of cairo can be.
  static let mostPixels = 32767.0

  private(set) var text = ""
  private let format: PictureFormat
  private var blocks = 0
  private var plots: [String] = []

  init(_ figure: Figure, format: PictureFormat) {
    self.format = format
    line("set encoding utf8")
    line("set terminal \(terminal(figure.width, figure.height))")
    for what in ["border", "tics", "key"] { line("unset \(what)") }
    for (margin, place) in [("l", 0), ("r", 1), ("b", 0), ("t", 1)] { line("set \(margin)margin at screen \(place)") }
    line("set xrange [0:\(number(figure.width))]")
    line("set yrange [\(number(figure.height)):0]")
    for text in figure.texts { write(text) }
    for frame in figure.frames {
      writeGrid(frame)
      for layer in frame.layers { write(layer) }
      writeAxes(frame)
    }
    for sample in figure.samples { write(sample) }
    line("plot " + plots.joined(separator: ", \\\n  "))
  }

  private mutating func line(_ command: String) { text += command + "\n" }

  private func terminal(_ width: Double, _ height: Double) -> String {
    switch format {
    case .png:
      // Twice as many pixels, for screens that have them.
      let scale = 2 * max(width, height) <= GnuplotScript.mostPixels ? 2 : 1.0
      let size = "size \(Int(scale * width)),\(Int(scale * height))"
      return "pngcairo \(size) noenhanced font 'sans,9' fontscale \(scale) linewidth \(scale) pointscale \(scale) background '#FFFFFF'"
    case .pdf: return "pdfcairo size \(width / 96)in,\(height / 96)in noenhanced font 'sans,9' fontscale 0.75 linewidth 0.75 background '#FFFFFF'"
    case .svg, .terminal: return "svg size \(Int(width)),\(Int(height)) noenhanced font 'sans-serif,12' background '#FFFFFF'"
    }
  }

  private func number(_ value: Double) -> String { shortestText((value * 100).rounded() / 100) }

  private mutating func write(_ text: Figure.Text) {
    // SVG has pixels, the others points of 4/3 pixels.
    let size = text.size.rawValue * (format == .svg ? 1 : 0.75)
    let colour =
      switch text.tone {
      case .strong: "#000000"
      case .normal: "#222222"
      case .faint: "#555555"
      }
    let anchor =
      switch text.anchor {
      case .left: "left"
      case .centre: "center"
      case .right: "right"
      }
    let place = "\(number(text.at.x)),\(number(text.at.y)) \(anchor)" + (text.isVertical ? " rotate by 90" : "")
    line("set label \(quoted(text.text)) at \(place) font ',\(shortestText(size))' textcolor rgb '\(colour)'")
  }

  // MARK: Axes

  private mutating func writeGrid(_ frame: Figure.Frame) {
    let (x, y) = (frame.area.x, frame.area.y)
    let upright = frame.hasVerticalGrid ? frame.xTics.map { [Point(x: $0, y: y.lowerBound), Point(x: $0, y: y.upperBound)] } : []
    let level = frame.hasHorizontalGrid ? frame.yTics.map { [Point(x: x.lowerBound, y: $0), Point(x: x.upperBound, y: $0)] } : []
    plot(paths(upright + level), "using 1:2 with lines linecolor rgb '#E6E6E6' linewidth 0.6")
  }

  private mutating func writeAxes(_ frame: Figure.Frame) {
    let (x, y) = (frame.area.x, frame.area.y)
    let tic = 4.0
    let axes = [Point(x: x.lowerBound, y: y.lowerBound), Point(x: x.lowerBound, y: y.upperBound), Point(x: x.upperBound, y: y.upperBound)]
    let below = frame.xTics.map { [Point(x: $0, y: y.upperBound), Point(x: $0, y: y.upperBound + tic)] }
    let beside = frame.yTics.map { [Point(x: x.lowerBound, y: $0), Point(x: x.lowerBound - tic, y: $0)] }
    plot(paths([axes] + below + beside), "using 1:2 with lines linecolor rgb '#444444' linewidth 1")
  }

  // MARK: Layers

  private mutating func write(_ layer: Layer) {
    let colour = layer.ink.colour
    let isMarked = if case .markedLine = layer.shape { true } else { false }
    let width = (layer.isDashed ? 1.2 : isMarked ? 1.3 : 1.8) * layer.weight
    let stroke = "with lines linecolor rgb '\(colour)' linewidth \(number(width)) dashtype \(layer.isDashed ? 2 : 1)"
    let points = "with points pointtype \(layer.ink.point) pointsize \(number((isMarked ? 0.5 : 0.35) * layer.weight)) linecolor rgb '\(colour)'"
    switch layer.shape {
    case .area(let runs):
      let spans = runs.map { $0.map { "\(number($0.x)) \(number($0.low)) \(number($0.high))" } }
      plot(Array(spans.joined(separator: [""])), "using 1:2:3 with filledcurves fillcolor rgb '\(colour)' fillstyle solid 1 noborder")
      // Where areas are stacked, the lower edge of one is the upper of the next.
      if layer.edge == .white {
        plot(paths(runs.map { $0.map { Point(x: $0.x, y: $0.high) } }), "using 1:2 with lines linecolor rgb '#FFFFFF' linewidth 1")
      }
    case .bars(let boxes, let isHorizontal):
      // Edges would cover what is not much wider than they are.
      let narrowest = boxes.map { isHorizontal ? $0.y.upperBound - $0.y.lowerBound : $0.x.upperBound - $0.x.lowerBound }.min() ?? 0
      let lines = boxes.map { box in
        let x = isHorizontal ? box.x : widened(box.x, to: 1.2)
        return [x.lowerBound, box.y.lowerBound, x.lowerBound, x.upperBound, box.y.lowerBound, box.y.upperBound].map(number).joined(separator: " ")
      }
      plot(lines, "using 1:2:3:4:5:6 with boxxyerror fillcolor rgb '\(colour)' fillstyle solid 1 \(edge(narrowest < 5 ? .none : layer.edge, colour))")
    case .line(let runs): plot(paths(runs), "using 1:2 \(stroke)")
    case .markedLine(let path):
      plot(paths([path]), "using 1:2 \(stroke)")
      plot(paths([path]), "using 1:2 \(points)")
    case .points(let places): plot(paths([places]), "using 1:2 \(points)")
    case .strokes(let strokes):
      let lines = strokes.map { stroke in
        let x = widened(stroke.x, to: 3)
        return [Point(x: x.lowerBound, y: stroke.y), Point(x: x.upperBound, y: stroke.y)]
      }
      plot(paths(lines), "using 1:2 \(stroke)")
    case .texts: break
    }
  }

  /// What is narrower would not be seen.
  private func widened(_ range: ClosedRange<Double>, to width: Double) -> ClosedRange<Double> {
    let more = max(0, width - (range.upperBound - range.lowerBound)) / 2
    return range.lowerBound - more...range.upperBound + more
  }

  private func edge(_ edge: Layer.Edge, _ colour: String) -> String {
    switch edge {
    // Between bars that touch nothing of what is behind them is seen.
    case .none: "border linecolor rgb '\(colour)' linewidth 0.4"
    case .white: "border linecolor rgb '#FFFFFF' linewidth 0.8"
    case .thin: "border linecolor rgb '#4A7FA8' linewidth 0.6"
    }
  }

  /// Lines of data, empty ones between the paths.
  private func paths(_ paths: [[Point]]) -> [String] {
    Array(paths.map { $0.map { "\(number($0.x)) \(number($0.y))" } }.joined(separator: [""]))
  }

  /// Plots these numbers, where there are any.
  private mutating func plot(_ lines: [String], _ how: String) {
    guard !lines.isEmpty else { return }
    blocks += 1
    line("$d\(blocks) << EOD")
    for each in lines { line(each) }
    line("EOD")
    plots.append("$d\(blocks) \(how) notitle")
  }
}

/// A text as gnuplot reads it in double quotes: of ASCII, only letters and blanks stand there as themselves, everything else as an octal
/// number, for that reaches to where its digits end.
private func quoted(_ text: String) -> String {
  var quoted = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "a"..."z", "A"..."Z", " ": quoted.unicodeScalars.append(scalar)
    case _ where scalar.isASCII: quoted += "\\" + String(scalar.value + 512, radix: 8).dropFirst()
    default: quoted.unicodeScalars.append(scalar)
    }
  }
  return quoted + "\""
}
