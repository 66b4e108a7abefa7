import FilterKit
import Groundwork
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
    let hasQuantiles = !header.quantileNames(input: session.inputName).isEmpty
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
}
