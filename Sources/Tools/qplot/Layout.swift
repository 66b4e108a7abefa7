/// Gives everything in a drawing its place: title and legend above the panels, which stand in rows and columns, and the caption below.
///
/// Panels of a column share their left edge, and the labels of their horizontal axes where these are the same.
struct Layout {
  private let drawing: Drawing
  private let metrics: TextMetrics
  private let spacing: Spacing
  private let columns: Int
  /// Of a panel with its labels.
  private let panelWidth: Double
  private var headings: [[String]]
  /// Of what the axes of each panel enclose.
  private var plotHeights: [Double]
  /// Tics of the vertical axis of each panel.
  private var verticalTics: [[Tics.Tic]] = []
  private(set) var figure: Figure

  /// Distances, in pixels or in characters.
  private struct Spacing {
    /// Left and right of everything.
    let margin: Double
    /// Between title, legend, panels and caption.
    let strip: Double
    /// Above and below what the axes of a panel enclose.
    let above: Double
    let below: Double
    /// Between an axis and the labels of its tics, the axis included.
    let tic: Double
    /// Between labels beside each other.
    let beside: Double
    /// At least, from one tic to the next, from left to right and upwards.
    let pitch: (x: Double, y: Double)
    /// A line of the legend.
    let legend: Double
    /// Of a bar with a name, and the room around it.
    let bar: Double
    let right: Double

    static let pixels = Spacing(margin: 12, strip: 8, above: 8, below: 10, tic: 8, beside: 14, pitch: (40, 40), legend: 20, bar: 26, right: 18)
    static let characters = Spacing(margin: 1, strip: 0, above: 0, below: 0, tic: 2, beside: 2, pitch: (5, 3), legend: 1, bar: 2, right: 1)
  }

  /// `window` is the columns and lines of a terminal; nil draws pixels.
  init(_ drawing: Drawing, title: String?, window: (columns: Int, lines: Int)?) {
    self.drawing = drawing
    metrics = TextMetrics(isCharacters: window != nil)
    spacing = window == nil ? .pixels : .characters
    columns = window == nil ? min(drawing.columns, drawing.panels.count) : 1
    panelWidth = window.map { Double($0.columns) } ?? drawing.panelWidth
    let width = panelWidth * Double(columns)
    let room = width - 2 * spacing.margin
    figure = Figure(width: width, height: 0)
    (headings, plotHeights) = ([], [])

    let titleLines = metrics.wrapped(title ?? "", to: room, .title)
    let legend = Legend(drawing, metrics, width: room)
    var caption = drawing.caption
    headings = Layout.headings(of: drawing.panels, room: panelWidth - 2 * spacing.margin, metrics, &caption)
    let captionLines = metrics.wrapped(caption.text, to: room, .small)

    let rows = (drawing.panels.count + columns - 1) / columns
    let fixed =
      height(of: titleLines.count, .title) + spacing.legend * Double(legend.lines) + height(of: captionLines.count, .small)
      + (0..<rows).reduce(0) { $0 + headingHeight($1) + axisHeight($1) + spacing.above + spacing.below }
    plotHeights =
      window.map { terminalHeights(Double($0.lines - 1) - fixed, rows: rows) }
      ?? drawing.panels.map { panel in
        if case .names(let names) = panel.y.kind { spacing.bar * Double(names.count) } else { drawing.plotHeight }
      }

    verticalTics = drawing.panels.indices.map(ticsUpwards)
    stack(titleLines, legend, rows: rows, captionLines)
  }

  /// Places everything from top to bottom.
  private mutating func stack(_ titleLines: [String], _ legend: Legend, rows: Int, _ captionLines: [String]) {
    var y = spacing.strip
    for line in titleLines {
      y += metrics.lineHeight(.title)
      let place = Point(x: figure.width / 2, y: y - metrics.lineHeight(.title) / 2)
      figure.texts.append(.init(text: line, at: place, anchor: .centre, size: .title, tone: .strong))
    }
    if !titleLines.isEmpty { y += spacing.strip }
    for entry in legend.entries { place(entry, legend, y: y + (Double(entry.line) + 0.5) * spacing.legend) }
    y += Double(legend.lines) * spacing.legend + (legend.lines > 0 ? spacing.strip : 0)
    for row in 0..<rows {
      let top = y + headingHeight(row) + spacing.above
      for k in panels(row) { placePanel(k, top: top) }
      y = top + plotHeight(row) + axisHeight(row) + spacing.below
    }
    for line in captionLines {
      y += metrics.lineHeight(.small)
      figure.texts.append(.init(text: line, at: Point(x: spacing.margin, y: y - metrics.lineHeight(.small) / 2), size: .small, tone: .faint))
    }
    figure.height = y + spacing.strip
  }

  private func height(of lines: Int, _ size: TextMetrics.Size) -> Double { Double(lines) * metrics.lineHeight(size) }

  // MARK: Headings

  /// The title of each panel in at most two lines. Where more would be needed the caption tells what all titles have in common, and what
  /// is still longer is cut in the middle. On a terminal the title ends in the label of the vertical axis, beside which there is no room.
  private static func headings(of panels: [Panel], room: Double, _ metrics: TextMetrics, _ caption: inout Caption) -> [[String]] {
    func lines(_ panel: Panel, without left: [String] = []) -> [String] {
      let title = panel.title.filter { !left.contains($0) }.joined(separator: ", ")
      return metrics.wrapped([title, metrics.isCharacters ? panel.y.label : ""].filter { !$0.isEmpty }.joined(separator: ": "), to: room, .heading)
    }
    let common = panels.count > 1 ? panels[0].title.filter { part in panels.allSatisfy { $0.title.contains(part) } } : []
    let isTooLong = panels.contains { lines($0).count > 2 }
    if isTooLong, !common.isEmpty { caption.say("all panels: " + common.joined(separator: ", ")) }
    return panels.map { panel in
      let lines = lines(panel, without: isTooLong ? common : [])
      guard lines.count > 2 else { return lines }
      return [lines[0], metrics.shortened(lines.dropFirst().joined(separator: " "), to: room, .heading)]
    }
  }

  // MARK: Heights

  private func panels(_ row: Int) -> Range<Int> { row * columns..<min((row + 1) * columns, drawing.panels.count) }
  private func headingHeight(_ row: Int) -> Double { height(of: panels(row).map { headings[$0].count }.max() ?? 0, .heading) }
  private func plotHeight(_ row: Int) -> Double { panels(row).map { plotHeights[$0] }.max() ?? 0 }

  /// Of the axis, the labels of its tics and its own; where the panels below have the same, the axis alone.
  private func axisHeight(_ row: Int) -> Double {
    let axis = metrics.isCharacters ? 1 : 0.0
    let isLabelled = panels(row).contains(where: hasLabels)
    return axis + (isLabelled ? 2 * metrics.lineHeight() + (metrics.isCharacters ? 0 : spacing.tic + 4) : 0)
  }

  /// Whether the labels of the horizontal axis stand below this panel, or below one further down.
  private func hasLabels(_ k: Int) -> Bool { k + columns >= drawing.panels.count || drawing.panels[k + columns].x != drawing.panels[k].x }

  /// The lines that the rows of panels share; a bar with a name has two, or one where there is no room.
  private func terminalHeights(_ available: Double, rows: Int) -> [Double] {
    let share = max(8, (available / Double(rows)).rounded(.down))
    let counts = drawing.panels.map { panel -> Double? in if case .names(let names) = panel.y.kind { Double(names.count) } else { nil } }
    let bar = counts.reduce(0) { $0 + ($1 ?? share) } * spacing.bar <= available ? spacing.bar : 1
    return counts.map { $0.map { bar * $0 } ?? share }
  }

  // MARK: Places

  private mutating func place(_ entry: Legend.Entry, _ legend: Legend, y: Double) {
    let x = spacing.margin + entry.x
    let end = x + legend.sampleWidth
    var layer = entry.layer
    let half = metrics.isCharacters ? 0.5 : 5.0
    switch layer.shape {
    case .area, .bars, .texts: layer.shape = .bars([Box(x: x...end, y: (y - half)...(y + half))], isHorizontal: true)
    case .line, .strokes: layer.shape = .line([[Point(x: x, y: y), Point(x: end - (metrics.isCharacters ? 0.5 : 0), y: y)]])
    case .markedLine: layer.shape = .markedLine([x, (x + end) / 2, end - (metrics.isCharacters ? 0.5 : 0)].map { Point(x: $0, y: y) })
    case .points: layer.shape = .points([Point(x: (x + end) / 2, y: y)])
    }
    figure.samples.append(layer)
    figure.texts.append(.init(text: entry.name, at: Point(x: end + legend.gap, y: y)))
  }

  private mutating func placePanel(_ k: Int, top: Double) {
    let panel = drawing.panels[k]
    let column = k % columns
    let left = panelWidth * Double(column)
    let inColumn = drawing.panels.indices.filter { $0 % columns == column }
    let labelRoom = inColumn.map { j in verticalTics[j].map { metrics.width($0.label) }.max() ?? 0 }.max() ?? 0
    let titleRoom = metrics.isCharacters || inColumn.allSatisfy { drawing.panels[$0].y.label.isEmpty } ? 0 : metrics.lineHeight() + 4
    let start = left + spacing.margin + titleRoom + labelRoom + spacing.tic
    let area = Box(x: start...(left + panelWidth - spacing.right), y: top...(top + plotHeights[k]))
    let xAxis = panel.x.widened(by: panel.layers, width: area.x.length, gap: textGap, metrics)
    func x(_ value: Double) -> Double { area.x.lowerBound + xAxis.range.share(value) * area.x.length }
    func y(_ value: Double) -> Double { area.y.upperBound - panel.y.range.share(value) * area.y.length }

    let headingTop = top - spacing.above - height(of: headings[k].count, .heading)
    let isWide = metrics.isCharacters || headings[k].contains { metrics.width($0, .heading) > area.x.length }
    for (n, line) in headings[k].enumerated() {
      let middle = headingTop + (Double(n) + 0.5) * metrics.lineHeight(.heading)
      figure.texts.append(
        .init(text: line, at: Point(x: isWide ? left + spacing.margin : area.x.lowerBound, y: middle), size: .heading, tone: .strong))
    }
    let yTics = verticalTics[k]
    for tic in yTics { figure.texts.append(.init(text: tic.label, at: Point(x: start - spacing.tic, y: y(tic.place)), anchor: .right)) }
    if !metrics.isCharacters, !panel.y.label.isEmpty {
      let text = metrics.shortened(panel.y.label, to: area.y.length + 2 * spacing.above)
      let place = Point(x: left + spacing.margin + metrics.lineHeight() / 2, y: (area.y.lowerBound + area.y.upperBound) / 2)
      figure.texts.append(.init(text: text, at: place, anchor: .centre, isVertical: true))
    }
    let xTics = Tics(xAxis) { tics in
      zip(tics, tics.dropFirst()).allSatisfy { a, b in
        x(b.place) - x(a.place) >= max((metrics.width(a.label) + metrics.width(b.label)) / 2 + spacing.beside, spacing.pitch.x)
      }
    }
    if hasLabels(k) { placeLabels(xTics, panel.x.label, area, x, cell: left...(left + panelWidth)) }

    var frame = Figure.Frame(area: area, xTics: xTics.tics.map { x($0.place) }, yTics: yTics.map { y($0.place) }, layers: [])
    if case .names = panel.y.kind { frame.yTics = [] } else { frame.hasHorizontalGrid = true }
    if panel.isGridded { frame.hasVerticalGrid = true }
    for layer in panel.layers {
      var moved = layer
      moved.shape = layer.shape.moved(x, y)
      guard case .texts(let texts) = moved.shape else {
        frame.layers.append(moved)
        continue
      }
      for (at, text) in texts { figure.texts.append(.init(text: text, at: Point(x: at.x + textGap, y: at.y), size: .small)) }
    }
    figure.frames.append(frame)
  }

  private var textGap: Double { metrics.isCharacters ? 1 : 5 }

  private func ticsUpwards(_ k: Int) -> [Tics.Tic] {
    let axis = drawing.panels[k].y
    if case .names(let names) = axis.kind {
      let shown = names.map { metrics.shortened($0, to: 0.4 * panelWidth) }
      return Tics(.names(shown)) { _ in true }.tics
    }
    return Tics(axis) { tics in
      zip(tics, tics.dropFirst()).allSatisfy { (axis.range.share($1.place) - axis.range.share($0.place)) * plotHeights[k] >= spacing.pitch.y }
    }.tics
  }

  private mutating func placeLabels(_ xTics: Tics, _ label: String, _ area: Box, _ x: (Double) -> Double, cell: ClosedRange<Double>) {
    let first = area.y.upperBound + (metrics.isCharacters ? 1 : spacing.tic) + metrics.lineHeight() / 2
    for tic in xTics.tics {
      let half = metrics.width(tic.label) / 2
      let middle = min(max(x(tic.place), cell.lowerBound + half), cell.upperBound - half)
      figure.texts.append(.init(text: tic.label, at: Point(x: middle, y: first), anchor: .centre))
    }
    let text = metrics.shortened(label + (xTics.common.map { " (\($0))" } ?? ""), to: cell.length - 2 * spacing.margin)
    let half = metrics.width(text) / 2
    let middle = min(
      max((area.x.lowerBound + area.x.upperBound) / 2, cell.lowerBound + spacing.margin + half), cell.upperBound - spacing.margin - half)
    figure.texts.append(.init(text: text, at: Point(x: middle, y: first + metrics.lineHeight()), anchor: .centre))
  }
}

extension ClosedRange where Bound == Double {
  fileprivate var length: Double { upperBound - lowerBound }
  /// 0 at the lower end, 1 at the upper.
  fileprivate func share(_ value: Double) -> Double { (value - lowerBound) / length }
}

extension Axis {
  /// The axis, reaching as far as the texts of the layers do when it is drawn `width` wide and texts begin `gap` behind their points.
  fileprivate func widened(by layers: [Layer], width: Double, gap: Double, _ metrics: TextMetrics) -> Axis {
    var axis = self
    for layer in layers {
      guard case .texts(let texts) = layer.shape else { continue }
      for (at, text) in texts {
        let left = max(width - gap - metrics.width(text, .small), width / 4)
        let needed = range.lowerBound + (at.x - range.lowerBound) * width / left
        if needed > axis.range.upperBound, needed.isFinite { axis.range = axis.range.lowerBound...needed }
      }
    }
    return axis
  }
}
