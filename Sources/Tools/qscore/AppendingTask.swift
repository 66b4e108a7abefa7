import FilterKit
import Scoring
import Tables

/// The scores of each row, to its right.
struct AppendingTask: StreamingTask {
  let flags: QScore

  func roles(_ header: Header, _ session: FilterSession) throws -> ScoringRoles { try ScoringRoles(session, header, flags) }

  func explanation(_ roles: ScoringRoles, _ header: Header, _ session: FilterSession) -> [(String, String)] { roles.explanation(header, session) }

  func begin(_ roles: ScoringRoles, _ header: Header, _ session: FilterSession) -> Bool {
    roles.warnOfCopies(session)
    return true
  }

  func output(_ roles: ScoringRoles, _ header: Header) -> OutputColumns {
    OutputColumns(appended: roles.groups.flatMap { group in roles.columns.map { (group.name.isEmpty ? "" : group.name + "_") + $0 } })
  }

  func worker(_ roles: ScoringRoles, _ header: Header, _ encoder: RowEncoder, _ session: FilterSession) -> AppendingWorker {
    AppendingWorker(roles: roles, header: header, encoder: encoder)
  }

  func conclude(_ workers: [AppendingWorker], _ roles: ScoringRoles, _ header: Header, _ counts: RowCounts, _ session: FilterSession) throws {
    for message in try Tally.merging(workers.map(\.tally)).unscored(session.diagnostics.list) { session.diagnostics.warn(message) }
  }
}

/// Appends its scores to each row.
final class AppendingWorker: RowWorker {
  private let roles: ScoringRoles
  private let forecasts: ForecastRow
  private let encoder: RowEncoder
  private var own: [Double]
  private(set) var tally: Tally

  init(roles: ScoringRoles, header: Header, encoder: RowEncoder) {
    self.roles = roles
    self.encoder = encoder
    forecasts = ForecastRow(roles: roles, header: header)
    own = [Double](repeating: 0, count: roles.groups.count * roles.columns.count)
    tally = roles.counter
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    try forecasts.read(row)
    let width = roles.columns.count
    own.withUnsafeMutableBufferPointer { own in
      forecasts.forEachScale { s in
        for g in roles.groups.indices {
          let values = own.baseAddress! + g * width
          if forecasts.target.isNaN || !forecasts.isComplete(g) {
            for k in 0..<width { values[k] = .nan }
          } else {
            roles.scorers[s][g].evaluate(quantiles: forecasts.quantiles(g).baseAddress!, target: forecasts.target, into: values)
          }
        }
      }
    }
    tally.countMissing(forecasts)
    own.withUnsafeBufferPointer { encoder.write(row, cells: nil, own: $0.baseAddress!, into: output) }
  }
}
