import FilterKit
import Tables

/// Central intervals, the median and targets of rows: bands and a line over a column; a bar for each row, the rows in the order of
/// their medians, where there is no such column; bars beside each other where rows share a value of it.
let fanPicture = Picture(
  name: "fan", summary: "central intervals, median and targets, row after row",
  takes: ["--target", "--groups", "--by", "--order", "--time-format", "--intervals", "--rows", "--panels"], isOfRows: true, needsTarget: false,
  draw: { input, _ in try Fan(input).drawing() })

private struct Fan {
  let input: PictureInput
  let contents: [FanContent]
  let target: Int?
  let order: Int?
  let rows: FanRows
  let caption: Caption
  /// The percentages of all bands, decreasing: a band has one colour in all panels.
  let percents: [Double]

  init(_ input: PictureInput) throws {
    self.input = input
    let session = input.session
    let columns = try DrawnColumns(input, needsTarget: false)
    let wanted = try input.intervals.map(FanContent.percents)
    var caption = Caption()
    contents = try input.panels(columns.groups, "model", &caption).map { try FanContent($0, wanted, session) }
    (target, order) = (columns.target, columns.order?.column)
    percents = Set(contents.flatMap { $0.bands.map(\.percent) }).sorted(by: >)
    rows = try FanRows(
      input, contents, columns, limit: input.rows ?? (order == nil ? input.mostBars : 500),
      keyLimit: columns.by.isEmpty ? 1 : max(1, input.panelLimit / contents.count), &caption)
    self.caption = caption
  }

  func drawing() throws -> Drawing {
    let isShared = rows.keys.contains { zip($0.rows, $0.rows.dropFirst()).contains { $0.position == $1.position } }
    if isShared, let order {
      input.session.diagnostics.warn("several rows have one value of \(input.header.names[order]), and stand side by side; draw them apart with --by")
    }
    var panels: [Panel] = []
    for key in rows.keys {
      // Models share their range, so that they can be compared.
      let values = contents.enumerated().flatMap { g, content in key.rows.flatMap { row in content.shown.map { row.values[g][$0] } + [row.target] } }
      guard let yRange = range(of: values) else {
        if values.contains(where: \.isFinite) { throw input.session.failure("the numbers are too far apart to be drawn") }
        continue
      }
      for (g, content) in contents.enumerated() {
        let slots = order == nil ? slotsByCentre(key.rows, g, content) : slotsByPosition(key.rows)
        let ends = order == nil ? [0.5, Double(key.rows.count) + 0.5] : slots.flatMap { [$0.lowerBound, $0.upperBound] }
        guard let xRange = range(of: ends, margin: order == nil ? 0 : 0.01) else {
          throw input.session.failure("the numbers are too far apart to be drawn", column: order.map { input.header.names[$0] })
        }
        let areBars = order == nil || isShared
        let label = order.map { input.header.names[$0] } ?? "rows in the order of their \(content.median == nil ? "middles" : "medians")"
        panels.append(
          Panel(
            title: [content.group.name].filter { !$0.isEmpty } + key.key.title, x: Axis(label: label, range: xRange, kind: rows.kind),
            y: Axis(label: target.map { input.header.names[$0] } ?? "predicted", range: yRange),
            layers: (areBars ? bars : bands)(key.rows, slots, g, content, yRange) + targets(key.rows, slots)))
      }
    }
    guard !panels.isEmpty else { throw input.session.failure("nothing to draw: the rows have no finite quantiles and no targets") }
    var drawing = Drawing(panels: panels, caption: caption)
    if panels.count > 1 { drawing.plotHeight = 160 }
    return drawing
  }

  // MARK: Layers

  private func ink(_ band: FanContent.Band) -> Ink { .nested(percents.firstIndex(of: band.percent)!, of: percents.count) }

  /// The legend names bands first, the widest of all panels before the others.
  private func rank(_ band: FanContent.Band) -> Int { percents.firstIndex(of: band.percent)! - percents.count }

  /// Lines of levels and of the median.
  private func lines(_ content: FanContent) -> [(level: Int, name: String, ink: Ink)] {
    // The first of the series is nearly the median's.
    let levels = content.lines.enumerated().map { k, level in
      (level: level, name: "level \(levelText(content.group.levels[level]))", ink: Ink.series(k + 1))
    }
    return levels + (content.median.map { [(level: $0, name: "median", ink: Ink.median)] } ?? [])
  }

  /// What is not bounded reaches the edge.
  private func clamped(_ value: Double, _ range: ClosedRange<Double>) -> Double { min(max(value, range.lowerBound), range.upperBound) }

  private func bands(_ rows: [FanRows.Row], _ slots: [ClosedRange<Double>], _ g: Int, _ content: FanContent, _ yRange: ClosedRange<Double>) -> [Layer]
  {
    var layers = content.bands.map { band in
      let spans = runs(
        zip(rows, slots).map { row, slot -> (slot: ClosedRange<Double>, low: Double, high: Double)? in
          let (low, high) = (row.values[g][band.low], row.values[g][band.high])
          return low.isNaN || high.isNaN ? nil : (slot, clamped(min(low, high), yRange), clamped(max(low, high), yRange))
        }
      ).map { run in
        // A row without neighbours is drawn as wide as a row is.
        run.count > 1
          ? run.map { Span(x: $0.slot.middle, low: $0.low, high: $0.high) }
          : [run[0].slot.lowerBound, run[0].slot.upperBound].map { Span(x: $0, low: run[0].low, high: run[0].high) }
      }
      return Layer(shape: .area(spans), name: band.name, ink: ink(band), legendRank: rank(band))
    }
    for (level, name, ink) in lines(content) {
      let points = runs(
        zip(rows, slots).map { row, slot in row.values[g][level].isNaN ? nil : (slot: slot, y: clamped(row.values[g][level], yRange)) }
      )
      .map { run in
        run.count > 1
          ? run.map { Point(x: $0.slot.middle, y: $0.y) } : [run[0].slot.lowerBound, run[0].slot.upperBound].map { Point(x: $0, y: run[0].y) }
      }
      layers.append(Layer(shape: .line(points), name: name, ink: ink, weight: weight(rows)))
    }
    return layers
  }

  private func bars(_ rows: [FanRows.Row], _ slots: [ClosedRange<Double>], _ g: Int, _ content: FanContent, _ yRange: ClosedRange<Double>) -> [Layer]
  {
    var layers = content.bands.map { band in
      let boxes = zip(rows, slots).compactMap { row, slot -> Box? in
        let (low, high) = (row.values[g][band.low], row.values[g][band.high])
        return low.isNaN || high.isNaN ? nil : Box(x: slot, y: clamped(min(low, high), yRange)...clamped(max(low, high), yRange))
      }
      return Layer(shape: .bars(boxes, isHorizontal: false), name: band.name, ink: ink(band), legendRank: rank(band))
    }
    for (level, name, ink) in lines(content) {
      let strokes = zip(rows, slots).compactMap { row, slot in row.values[g][level].isNaN ? nil : (x: slot, y: clamped(row.values[g][level], yRange))
      }
      layers.append(Layer(shape: .strokes(strokes), name: name, ink: ink, weight: weight(rows)))
    }
    return layers
  }

  private func targets(_ rows: [FanRows.Row], _ slots: [ClosedRange<Double>]) -> [Layer] {
    let points = zip(rows, slots).compactMap { row, slot in row.target.isNaN ? nil : Point(x: slot.middle, y: row.target) }
    guard let target, !points.isEmpty else { return [] }
    return [Layer(shape: .points(points), name: input.header.names[target], ink: .black)]
  }

  private func weight(_ rows: [FanRows.Row]) -> Double { rows.count > 150 ? 0.6 : 1 }

  // MARK: Places

  /// Where each row stands from left to right: at its value of the order's column, beside the others that share it.
  private func slotsByPosition(_ rows: [FanRows.Row]) -> [ClosedRange<Double>] {
    let gaps = zip(rows.dropFirst(), rows).map { $0.position - $1.position }
    let isTime = rows.isEmpty ? false : [.time, .date].contains(self.rows.kind)
    let width = 0.8 * (gaps.filter { $0 > 0 }.min() ?? (isTime ? 86400 : 1))
    let starts = rows.indices.filter { $0 == 0 || gaps[$0 - 1] > 0 }
    let ends = starts.dropFirst() + [rows.count]
    let most = zip(starts, ends).map { $1 - $0 }.max() ?? 1
    return zip(starts, ends).flatMap { start, end in
      (start..<end).map { k in
        let left = rows[k].position + width * (Double(k - start) - Double(end - start) / 2) / Double(most)
        return left...(left + width / Double(most))
      }
    }
  }

  /// One after the other in the order of their centres, those without one last.
  private func slotsByCentre(_ rows: [FanRows.Row], _ g: Int, _ content: FanContent) -> [ClosedRange<Double>] {
    let centres = rows.map { content.centre($0.values[g]) }
    let sorted = rows.indices.sorted { a, b in
      if centres[a].isNaN || centres[b].isNaN { return centres[a].isNaN == centres[b].isNaN ? a < b : centres[b].isNaN }
      return (centres[a], a) < (centres[b], b)
    }
    var slots = [ClosedRange<Double>](repeating: 0...0, count: rows.count)
    // Few rows stand apart, so that their bars are still bars.
    let half = 0.45 * min(1, Double(max(rows.count, 4)) / 16)
    for (rank, k) in sorted.enumerated() { slots[k] = Double(rank + 1) - half...Double(rank + 1) + half }
    return slots
  }
}

extension ClosedRange where Bound == Double {
  fileprivate var middle: Double { lowerBound + (upperBound - lowerBound) / 2 }
}
