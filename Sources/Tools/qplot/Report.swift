import FilterKit
import Groundwork
import MethodKit
import Tables

/// A table of scores or weights that another tool writes, known by its columns.
struct Report: Sendable {
  let command: String
  /// The columns that hold what is drawn, after `model`.
  let columns: [String]

  static let scores = Report(command: "qscore", columns: ["wis", "dispersion", "overprediction", "underprediction"])
  static let reliability = Report(command: "qscore --reliability", columns: ["level", "n", "coverage", "lower", "upper"])
  static let perLevel = Report(command: "qscore --per-level", columns: ["level", "n", "coverage"])
  static let decomposition = Report(command: "qscore --decompose", columns: ["level", "miscalibration", "discrimination"])
  static let comparison = Report(command: "qscore --compare", columns: ["against", "ratio"])
  static let pit = Report(command: "qscore --pit", columns: ["pit_lower", "pit_upper", "n", "density"])
  static let weights = Report(command: "qaggregate --describe", columns: ["level", "weight"])
  static let all = [reliability, pit, weights, perLevel, decomposition, comparison, scores]

  func isTable(with header: Header) -> Bool { (["model"] + columns).allSatisfy { header.index(of: $0) != nil } }

  /// The report that the table is; nil where it is one of rows.
  static func recognised(_ header: Header) -> Report? { all.first { $0.isTable(with: header) } }
}

extension PictureInput {
  /// Which of the tables that the picture is of this one is; nil is rows with quantiles. Throws where it is none, with what is.
  func recognise(_ picture: Picture) throws -> Report? {
    if let report = picture.reports.first(where: { $0.isTable(with: header) }) {
      for (flag, value) in [("--target", target), ("--by", by)] where value != nil {
        throw Failure(.usage, "\(flag) has no meaning for the table of \(report.command)", remedy: "give it to \(report.command)")
      }
      if bins != nil { throw Failure(.usage, "--bins has no meaning for a table with bins", remedy: "give it to qscore --pit") }
      return report
    }
    let other = Report.recognised(header)
    let hasQuantiles = try !header.quantileGroups(input: session.inputName).isEmpty
    if picture.isOfRows, other == nil || hasQuantiles { return nil }
    let wanted = picture.isOfRows ? "rows with quantiles" : "the table of \(picture.reports[0].command)"
    if let other {
      // What is drawn otherwise, or else what is drawn without the flag that made it.
      let fitting = pictures.first { $0.reports.contains { $0.command == other.command } }.map { "draw it with qplot \($0.name)" }
      let flag = other.command.split(separator: " ").last.map { "leave \($0) out, and draw it with qplot scores" }
      throw session.failure("this is the table of \(other.command), and \(picture.name) draws \(wanted)", remedy: fitting ?? flag)
    }
    if hasQuantiles {
      let isPerRow = header.names.contains { $0.hasSuffix("_wis") }
      let remedy = isPerRow ? "leave --per-row out" : "make it with \(picture.reports[0].command)"
      throw session.failure("these are rows with quantiles, and \(picture.name) draws \(wanted)", remedy: remedy)
    }
    let missing = (picture.reports[0].columns + ["model"]).first { header.index(of: $0) == nil }!
    throw session.failure("there is no column \"\(missing)\"", remedy: "\(picture.name) draws \(wanted)")
  }

  /// Reads a report: for each row its model, where `-g` names it, what the columns before `end` say of the rows it is about, and the numbers
  /// of `columns`, which may be infinite.
  func readReport(_ columns: [String], before end: String, _ take: @escaping (_ model: String, _ part: Part, _ numbers: [Double]) throws -> Void)
    throws
  {
    let (header, reader) = (self.header, NumberReader())
    let numbers = columns.map { header.index(of: $0)! }
    let model = header.index(of: "model")!
    let last = header.index(of: end) ?? header.count
    let others = (0..<last).filter { $0 != model && !numbers.contains($0) }
    let names = others.map { header.names[$0] }
    let picked = pickedModels
    final class Seen { var models: [String] = [] }
    let seen = Seen()
    try forEachRow { row in
      let values = try numbers.map { try row.number($0, reader, header) }
      let name = row.text(model)
      if !seen.models.contains(name) { seen.models.append(name) }
      guard picked?.contains(name) ?? true else { return }
      try take(name, Part(columns: names, values: others.map { row.text($0) }), values)
    }
    for name in picked ?? [] where !seen.models.contains(name) {
      throw session.failure("no model \"\(name)\"", column: "model", remedy: suggestion(for: name, among: seen.models))
    }
  }
}

/// Numbers of a report that are what their column says; others are failures of the row.
enum ReportNumbers {
  static func level(_ value: Double) throws -> Double {
    guard value > 0, value < 1 else { throw Failure(.badData, "\(shortestText(value)) is not a level between 0 and 1", at: .init(column: "level")) }
    return value
  }

  static func rowCount(_ value: Double) throws -> Int {
    guard value >= 1, value == value.rounded(), value < 1e15 else {
      throw Failure(.badData, "\(shortestText(value)) is not a number of rows", at: .init(column: "n"))
    }
    return Int(value)
  }

  static func share(_ value: Double, column: String) throws -> Double {
    guard (0...1).contains(value) else { throw Failure(.badData, "\(shortestText(value)) is not a share of rows", at: .init(column: column)) }
    return value
  }
}
