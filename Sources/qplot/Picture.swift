import FilterKit
import Groundwork
import Methods
import Quantiles
import Tables

/// A kind of picture: which flags it takes, and how it comes from a table.
struct Picture {
  let name: String
  let summary: String
  /// The flags, of those that not all pictures take.
  let flags: Set<String>
  let draw: (PictureInput) throws -> Drawing
}

/// Every picture; a new one is a file and a line here.
let pictures = [fanPicture, reliabilityPicture, pitPicture, scoresPicture, weightsPicture]

/// An opened table, and what the command line says of the picture.
struct PictureInput {
  var session: FilterSession
  var header: Header
  var groups: String?
  var target: String?
  var by: String?
  var order: String?
  var intervals: String?
  var rows: Int?
  var bins: Int?
  var panels: Int?

  /// Calls `take` for each row in order; what it throws makes the row a bad one, so it keeps nothing of a row before all was read.
  func forEachRow(_ take: @escaping (Row) throws -> Void) throws {
    let counts = try session.stream(header, writesRows: false, threads: 1) { RowReader(take) }
    if counts.read == counts.skipped { throw session.failure("nothing to draw: there are no \(counts.read > 0 ? "good " : "")rows") }
    try session.policy.rejects?.close()
    if counts.skipped > 0, let first = counts.firstSkipped {
      session.diagnostics.warn("skipped \(counts.skipped) bad row\(counts.skipped == 1 ? "" : "s"), the first at \(first)")
    }
  }

  /// The columns of a report that another tool writes.
  func columns(_ names: [String], writtenBy command: String) throws -> [Int] {
    try names.map { name in
      if let column = header.index(of: name) { return column }
      throw session.failure("there is no column \"\(name)\"", remedy: "this picture is of the table that \(command) writes")
    }
  }
}

private final class RowReader: RowWorker {
  private let take: (Row) throws -> Void

  init(_ take: @escaping (Row) throws -> Void) { self.take = take }

  override func handle(_ row: Row, into output: ByteBuffer) throws { try take(row) }
}

/// "1 row", "12,345 rows"
func counted(_ count: Int, _ noun: String) -> String {
  var digits = "\(count)"
  var place = digits.count - 3
  while place > 0 {
    digits.insert(",", at: digits.index(digits.startIndex, offsetBy: place))
    place -= 3
  }
  return "\(digits) \(noun)\(count == 1 ? "" : "s")"
}

/// What a picture calls a quantile group and the values of `--by`.
func seriesTitle(_ model: String, _ parts: [String]) -> String {
  ([model] + parts).filter { !$0.isEmpty }.joined(separator: ", ")
}
