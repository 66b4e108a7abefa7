import FilterKit
import Groundwork
import Methods
import Quantiles
import Tables

/// Central intervals as nested bands, the median as a line and targets as points, row after row or over a column.
let fanPicture = Picture(
  name: "fan", summary: "bands of central intervals, median and targets, row after row",
  flags: ["--target", "--groups", "--by", "--order", "--intervals", "--rows", "--panels"], draw: { try Fan($0).drawing() })

private struct Fan {
  /// What a group shows: bands, the widest first, and lines.
  struct Content {
    let group: QuantileGroup
    let bands: [(percent: Double, low: Int, high: Int)]
    let median: Int?
    /// Of a group without any interval, levels drawn as lines.
    let lines: [Int]

    /// The levels that are drawn.
    var shown: [Int] { bands.flatMap { [$0.low, $0.high] } + [median].compactMap { $0 } + lines }
  }

  let input: PictureInput
  let contents: [Content]
  let groupsLeftOut: Int
  let target: Int?
  let by: [Int]
  let order: Int?
  let limit: Int
  let partLimit: Int

  init(_ input: PictureInput) throws {
    self.input = input
    let (session, header) = (input.session, input.header)
    let all = try session.groups(header, picked: input.groups)
    by = try session.columns(header, nameList(input.by))
    let most = input.panels ?? (input.groups == nil ? 4 : max(4, all.count))
    let groups = Array(all.prefix(most))
    groupsLeftOut = all.count - groups.count
    partLimit = by.isEmpty ? 1 : max(1, most / groups.count)
    target = try session.targetColumn(header, named: input.target)
    order = try input.order.map { try session.column(header, $0) }
    limit = input.rows ?? 500
    let wanted = try input.intervals.map(Fan.percents)
    contents = try groups.map { try Fan.content(of: $0, wanted, session) }
  }

  private static func percents(_ text: String) throws -> [Double] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      guard let percent = Double(part), percent > 0, percent < 100 else {
        throw Failure(.usage, "--intervals \(text): \"\(part)\" is not a percentage between 0 and 100", remedy: "write 50,80,95")
      }
      return percent
    }
  }

  private static func content(of group: QuantileGroup, _ wanted: [Double]?, _ session: FilterSession) throws -> Content {
    let keys = group.levels.map(Levels.key)
    let whole = 1_000_000_000
    let pairs = keys.indices.compactMap { low -> (percent: Double, low: Int, high: Int)? in
      guard 2 * keys[low] < whole, let high = keys.firstIndex(of: whole - keys[low]) else { return nil }
      return (Double(whole - 2 * keys[low]) / 1e7, low, high)
    }
    func pair(_ percent: Double) -> (percent: Double, low: Int, high: Int)? { pairs.first { abs($0.percent - percent) < 1e-6 } }
    var bands: [(percent: Double, low: Int, high: Int)]
    if let wanted {
      bands = try wanted.sorted(by: >).map { percent in
        guard let found = pair(percent) else {
          let held = pairs.isEmpty ? "they hold none" : "they hold those of \(pairs.map { shortestText($0.percent) }.joined(separator: ", "))"
          throw session.failure("the levels of \(group.title) hold no \(shortestText(percent)) % interval", remedy: held)
        }
        return found
      }
    } else {
      bands = [95.0, 80, 50].compactMap(pair)
      if bands.count < 2 { bands = pairs.count <= 3 ? pairs : [pairs[0], pairs[pairs.count / 3], pairs[2 * pairs.count / 3]] }
    }
    let median = keys.firstIndex(of: whole / 2)
    let stride = max(1, (keys.count + 4) / 5)
    let lines = bands.isEmpty ? keys.indices.filter { $0 % stride == 0 && $0 != median } : []
    return Content(group: group, bands: bands, median: median, lines: lines)
  }

  // MARK: Rows

  private struct Kept {
    var position: Double
    var number: Int
    var target: Double
    /// Of each group, by level.
    var values: [[Double]]
  }

  private final class Part {
    let names: [String]
    var rows: [Kept] = []
    var count = 0

    init(_ names: [String]) { self.names = names }

    /// Keeps the last rows only, in order.
    func shorten(to limit: Int) {
      rows.sort { ($0.position, $0.number) < ($1.position, $1.number) }
      if rows.count > limit { rows.removeFirst(rows.count - limit) }
    }
  }

  private final class Counts {
    var withoutPosition = 0
    var ofOtherParts = 0
    var dates = 0
    var positions = 0
  }

  func drawing() throws -> Drawing {
    var parts: [Part] = []
    var partOfNames: [[String]: Part] = [:]
    let counts = Counts()
    let (header, reader) = (input.header, NumberReader())
    try input.forEachRow { row in
      var position = Double.nan
      if let order {
        guard let place = try Moment.read(row, order, header, reader) else {
          counts.withoutPosition += 1
          return
        }
        position = place.value
        let kinds = (counts.dates + (place.isDate ? 1 : 0), counts.positions + 1)
        guard kinds.0 == 0 || kinds.0 == kinds.1 else {
          throw Failure(.badData, "\"\(printable(row.text(order)))\" is a \(place.isDate ? "date" : "number") among \(place.isDate ? "numbers" : "dates")", at: .init(column: header.names[order]))
        }
        (counts.dates, counts.positions) = kinds
      }
      let target = try self.target.map { try row.finiteNumber($0, reader, header) } ?? .nan
      let values = try contents.map { content in try content.group.columns.map { try row.number($0, reader, header) } }
      let names = by.map { row.text($0) }
      let part: Part
      if let known = partOfNames[names] {
        part = known
      } else if parts.count < partLimit {
        part = Part(names)
        partOfNames[names] = part
        parts.append(part)
      } else {
        counts.ofOtherParts += 1
        return
      }
      part.count += 1
      part.rows.append(Kept(position: order == nil ? Double(part.count) : position, number: part.count, target: target, values: values))
      if part.rows.count > 2 * limit + 1000 { part.shorten(to: limit) }
    }
    parts.forEach { $0.shorten(to: limit) }
    guard !parts.isEmpty else { throw input.session.failure("nothing to draw: no row has a value in \(header.names[order!])") }
    return try drawing(of: parts, counts)
  }

  // MARK: Panels

  private func drawing(of parts: [Part], _ counts: Counts) throws -> Drawing {
    let ranks = Set(contents.flatMap { $0.bands.map(\.percent) }).sorted(by: >)
    var panels: [Panel] = []
    for part in parts {
      // Models share their range, so that they can be compared.
      let values = contents.enumerated().flatMap { g, content in part.rows.flatMap { row in content.shown.map { row.values[g][$0] } + [row.target] } }
      guard let yRange = range(of: values) else {
        if values.contains(where: \.isFinite) { throw input.session.failure("the numbers are too far apart to be drawn") }
        continue
      }
      for (g, content) in contents.enumerated() {
        let title = seriesTitle(content.group.name, zip(by, part.names).map { "\(input.header.names[$0]) \($1)" })
        panels.append(try panel(part, g, content, title, ranks, yRange, isTime: counts.dates > 0))
      }
    }
    guard !panels.isEmpty else { throw input.session.failure("nothing to draw: the rows have no finite quantiles and no targets") }
    var drawing = Drawing(panels: panels, caption: caption(parts, counts))
    if panels.count > 1 { drawing.panelSize.height = 220 }
    return drawing
  }

  private func panel(_ part: Part, _ g: Int, _ content: Content, _ title: String, _ ranks: [Double], _ yRange: ClosedRange<Double>, isTime: Bool) throws -> Panel {
    let rows = part.rows
    let positions = rows.map(\.position)
    let gaps = zip(positions.dropFirst(), positions).map { $0 - $1 }
    if gaps.contains(0) {
      input.session.diagnostics.warn("several rows have one value of \(input.header.names[order!]); draw them apart with --by")
    }
    // A row without neighbours is drawn as wide as a row is.
    let halfWidth = 0.4 * (gaps.filter { $0 > 0 }.min() ?? (isTime ? 86400 : 1))
    // What is not bounded reaches the edge.
    func held(_ value: Double) -> Double { min(max(value, yRange.lowerBound), yRange.upperBound) }
    var layers: [Layer] = []
    for band in content.bands {
      let spans = runs(rows.map { row -> Span? in
        let (low, high) = (row.values[g][band.low], row.values[g][band.high])
        return low.isNaN || high.isNaN ? nil : Span(x: row.position, low: held(min(low, high)), high: held(max(low, high)))
      }).map { run in
        run.count > 1 ? run : [-halfWidth, halfWidth].map { Span(x: run[0].x + $0, low: run[0].low, high: run[0].high) }
      }
      layers.append(Layer(shape: .area(spans), name: "\(shortestText(band.percent)) % interval", ink: .nested(ranks.firstIndex(of: band.percent)!, of: ranks.count)))
    }
    let lines = content.lines.enumerated().map { k, level in (level, "level \(levelText(content.group.levels[level]))", Ink.series[k % Ink.series.count]) }
    for (level, name, ink) in lines + [content.median].compactMap({ $0 }).map({ ($0, "median", Ink.median) }) {
      let points = runs(rows.map { row in row.values[g][level].isNaN ? nil : Point(x: row.position, y: held(row.values[g][level])) }).map { run in
        run.count > 1 ? run : [-halfWidth, halfWidth].map { Point(x: run[0].x + $0, y: run[0].y) }
      }
      layers.append(Layer(shape: .line(points), name: name, ink: ink))
    }
    let targets = rows.compactMap { $0.target.isNaN ? nil : Point(x: $0.position, y: $0.target) }
    if !targets.isEmpty, let target { layers.append(Layer(shape: .points(targets), name: input.header.names[target], ink: .black)) }
    guard let xRange = range(of: [positions.first! - halfWidth, positions.last! + halfWidth], margin: 0.01) else {
      throw input.session.failure("the numbers are too far apart to be drawn", column: order.map { input.header.names[$0] })
    }
    return Panel(
      title: title, x: Axis(label: order.map { input.header.names[$0] } ?? "row", range: xRange, kind: isTime ? .time : order == nil ? .whole : .number),
      y: Axis(label: target.map { input.header.names[$0] } ?? "predicted", range: yRange), layers: layers)
  }

  private func caption(_ parts: [Part], _ counts: Counts) -> [String] {
    let shown = parts.reduce(0) { $0 + $1.rows.count }
    let all = parts.reduce(0) { $0 + $1.count }
    var caption = [shown == all ? counted(all, "row") : "the last \(counted(shown, "row").split(separator: " ")[0]) of \(counted(all, "row"))"]
    if target != nil {
      let missing = parts.reduce(0) { $0 + $1.rows.lazy.filter { $0.target.isNaN }.count }
      if missing > 0 { caption.append("\(counted(missing, "row")) without a target") }
    }
    if counts.withoutPosition > 0 { caption.append("left out: \(counted(counts.withoutPosition, "row")) without \(input.header.names[order!])") }
    if counts.ofOtherParts > 0 { caption.append("left out: \(counted(counts.ofOtherParts, "row")) with other values of \(by.map { input.header.names[$0] }.joined(separator: ", "))") }
    if groupsLeftOut > 0 { caption.append("left out: \(counted(groupsLeftOut, "model"))") }
    return caption
  }
}
