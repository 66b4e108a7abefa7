import FilterKit
import Groundwork
import Tables

/// The rows of a fan: of each part the last ones, in the order of a column or of the table.
struct FanRows {
  struct Row {
    var position: Double
    var number: Int
    var target: Double
    /// Of each group, by level.
    var values: [[Double]]
  }

  final class PartRows {
    let part: Part
    fileprivate(set) var rows: [Row] = []
    /// With those that are not the last.
    fileprivate(set) var count = 0

    fileprivate init(_ part: Part) { self.part = part }

    fileprivate func shorten(to limit: Int) {
      rows.sort { ($0.position, $0.number) < ($1.position, $1.number) }
      if rows.count > limit { rows.removeFirst(rows.count - limit) }
    }
  }

  private(set) var parts: [PartRows] = []
  private(set) var kind = Axis.Kind.whole

  /// Keeps `limit` rows of each of the first `partLimit` parts. The caption tells of the others.
  init(_ input: PictureInput, _ contents: [FanContent], target: Int?, by: [Int], order: Int?, limit: Int, partLimit: Int, _ caption: inout Caption)
    throws
  {
    final class State {
      var parts: [PartRows] = []
      var partOfKey: [Part: PartRows] = [:]
      var withoutPosition = 0
      var empty = 0
      var ofOtherParts = 0
      var others: Set<Part> = []
      /// More are not told apart, so that memory is bounded.
      static let mostOthers = 10_000
      var isDate: Bool?
      var hasClock = false
      var isWhole = true
    }
    let state = State()
    let (header, reader) = (input.header, NumberReader())
    let names = by.map { header.names[$0] }
    try input.forEachRow { row in
      let moment = try order.flatMap { try Moment.read(row, $0, header, reader) }
      let y = try target.map { try row.finiteNumber($0, reader, header) } ?? .nan
      let values = try contents.map { content in try content.group.columns.map { try row.number($0, reader, header) } }
      if let order {
        guard let moment else { return state.withoutPosition += 1 }
        guard state.isDate ?? moment.isDate == moment.isDate else {
          let kinds = moment.isDate ? "a date among numbers" : "a number among dates"
          throw Failure(.badData, "\"\(printable(row.text(order)))\" is \(kinds)", at: .init(column: header.names[order]))
        }
        state.isDate = moment.isDate
        state.hasClock = state.hasClock || moment.hasClock
        state.isWhole = state.isWhole && moment.value == moment.value.rounded()
      }
      guard !y.isNaN || values.contains(where: { $0.contains { !$0.isNaN } }) else { return state.empty += 1 }
      let key = Part(columns: names, values: by.map { row.text($0) })
      let part: PartRows
      if let known = state.partOfKey[key] {
        part = known
      } else if state.parts.count < partLimit {
        part = PartRows(key)
        state.partOfKey[key] = part
        state.parts.append(part)
      } else {
        state.ofOtherParts += 1
        if state.others.count < State.mostOthers { state.others.insert(key) }
        return
      }
      part.count += 1
      part.rows.append(Row(position: moment?.value ?? Double(part.count), number: part.count, target: y, values: values))
      if part.rows.count > 2 * limit + 1000 { part.shorten(to: limit) }
    }
    parts = state.parts
    parts.forEach { $0.shorten(to: limit) }
    kind = state.isDate == true ? (state.hasClock ? .time : .date) : state.isWhole ? .whole : .number
    guard !parts.isEmpty else {
      if let order, state.withoutPosition > 0 { throw input.session.failure("nothing to draw: no row has a value in \(header.names[order])") }
      throw input.session.failure("nothing to draw: the rows have no quantiles and no targets")
    }

    tell(&caption, contents, hasTarget: target != nil, limit: limit)
    if let order { caption.leaveOut(state.withoutPosition, "row", "without \(header.names[order])") }
    caption.leaveOut(state.empty, "row", "without quantiles and target")
    let others =
      state.others.count < State.mostOthers ? groupedCount(state.others.count, "other value") : "other values"
    caption.leaveOut(state.ofOtherParts, "row", "with \(others) of \(names.joined(separator: ", "))")
  }

  /// How many rows are shown, and what they lack.
  private func tell(_ caption: inout Caption, _ contents: [FanContent], hasTarget: Bool, limit: Int) {
    let (shown, all) = (parts.reduce(0) { $0 + $1.rows.count }, parts.reduce(0) { $0 + $1.count })
    if shown == all {
      caption.say(groupedCount(all, "row"))
    } else if parts.count == 1 {
      caption.say("the last \(grouped(shown)) of \(groupedCount(all, "row"))")
    } else {
      caption.say("\(groupedCount(shown, "row")), the last \(grouped(limit)) of a panel")
    }
    func say(_ what: String, _ condition: (Row) -> Bool) {
      let count = parts.reduce(0) { $0 + $1.rows.lazy.filter(condition).count }
      if count > 0 { caption.say("\(groupedCount(count, "row")) \(what)") }
    }
    /// Whether what is shown of some group is so.
    func some(_ row: Row, _ condition: ([Double]) -> Bool) -> Bool {
      zip(contents, row.values).contains { content, values in condition(content.shown.map { values[$0] }) }
    }
    if hasTarget { say("without a target") { $0.target.isNaN } }
    say("without quantiles" + (contents.count > 1 ? " of some model" : "")) { some($0) { $0.allSatisfy(\.isNaN) } }
    say("with quantiles that cross") { some($0, FanRows.isCrossing) }
  }

  private static func isCrossing(_ values: [Double]) -> Bool {
    let present = values.filter { !$0.isNaN }
    return zip(present, present.dropFirst()).contains { $0 > $1 }
  }
}
