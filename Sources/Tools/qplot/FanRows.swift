import FilterKit
import Groundwork
import Tables

/// The rows of a fan: of each key the last ones, in the order of a column or of the table.
struct FanRows {
  struct Row {
    var position: Double
    var number: Int
    var target: Double
    /// Of each group, by level.
    var values: [[Double]]
  }

  final class KeyRows {
    let key: Key
    fileprivate(set) var rows: [Row] = []
    /// With those that are not the last.
    fileprivate(set) var count = 0

    fileprivate init(_ key: Key) { self.key = key }

    fileprivate func shorten(to limit: Int) {
      rows.sort { ($0.position, $0.number) < ($1.position, $1.number) }
      if rows.count > limit { rows.removeFirst(rows.count - limit) }
    }
  }

  private(set) var keys: [KeyRows] = []
  private(set) var kind = Axis.Kind.whole

  /// Keeps `limit` rows of each of the first `keyLimit` keys. The caption tells of the others.
  init(_ input: PictureInput, _ contents: [FanContent], _ columns: DrawnColumns, limit: Int, keyLimit: Int, _ caption: inout Caption) throws {
    final class State {
      var keys: [KeyRows] = []
      var rowsOfKey: [Key: KeyRows] = [:]
      var withoutPosition = 0
      var empty = 0
      var ofOtherKeys = 0
      var others: Set<Key> = []
      /// More are not told apart, so that memory is bounded.
      static let mostOthers = 10_000
      var isDate: Bool?
      var order: TimeColumn?
      var hasClock = false
      var isWhole = true
    }
    let state = State()
    state.order = columns.order
    let (header, reader) = (input.header, NumberReader())
    let (target, order, by) = (columns.target, columns.order?.column, columns.by)
    let names = by.map { header.names[$0] }
    let codec = QuantileCodec(contents.map { QuantileColumns($0.group) }, header)
    try input.forEachRow { row in
      let moment = try state.order?.read(row)
      let y = try target.map { try row.finiteNumber($0, reader, header) } ?? .nan
      try codec.read(row)
      if state.order != nil {
        guard let moment else { return state.withoutPosition += 1 }
        state.isDate = moment.isDate
        state.hasClock = state.hasClock || moment.hasClock
        state.isWhole = state.isWhole && moment.value == moment.value.rounded()
      }
      guard !y.isNaN || codec.all.contains(where: { !$0.isNaN }) else { return state.empty += 1 }
      let key = Key(columns: names, values: by.map { row.content($0) })
      let rows: KeyRows
      if let known = state.rowsOfKey[key] {
        rows = known
      } else if state.keys.count < keyLimit {
        rows = KeyRows(key)
        state.rowsOfKey[key] = rows
        state.keys.append(rows)
      } else {
        state.ofOtherKeys += 1
        if state.others.count < State.mostOthers { state.others.insert(key) }
        return
      }
      rows.count += 1
      let values = contents.indices.map { Array(codec.given($0)) }
      rows.rows.append(Row(position: moment?.value ?? Double(rows.count), number: rows.count, target: y, values: values))
      if rows.rows.count > 2 * limit + 1000 { rows.shorten(to: limit) }
    }
    keys = state.keys
    keys.forEach { $0.shorten(to: limit) }
    kind = state.isDate == true ? (state.hasClock ? .time : .date) : state.isWhole ? .whole : .number
    guard !keys.isEmpty else {
      if let order, state.withoutPosition > 0 { throw input.session.failure("nothing to draw: no row has a value in \(header.names[order])") }
      throw input.session.failure("nothing to draw: the rows have no quantiles and no targets")
    }

    tell(&caption, contents, hasTarget: target != nil, limit: limit)
    if let order { caption.leaveOut(state.withoutPosition, "row", "without \(header.names[order])") }
    caption.leaveOut(state.empty, "row", "without quantiles and target")
    let others =
      state.others.count < State.mostOthers ? "\(grouped(state.others.count)) other value\(state.others.count == 1 ? "" : "s")" : "other values"
    caption.leaveOut(state.ofOtherKeys, "row", "with \(others) of \(names.joined(separator: ", "))")
  }

  /// How many rows are shown, and what they lack.
  private func tell(_ caption: inout Caption, _ contents: [FanContent], hasTarget: Bool, limit: Int) {
    let (shown, all) = (keys.reduce(0) { $0 + $1.rows.count }, keys.reduce(0) { $0 + $1.count })
    if shown == all {
      caption.say(groupedCount(all, "row"))
    } else if keys.count == 1 {
      caption.say("the last \(grouped(shown)) of \(groupedCount(all, "row"))")
    } else {
      caption.say("\(groupedCount(shown, "row")), the last \(grouped(limit)) of a panel")
    }
    func say(_ what: String, _ condition: (Row) -> Bool) {
      let count = keys.reduce(0) { $0 + $1.rows.lazy.filter(condition).count }
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
