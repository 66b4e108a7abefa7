import FilterKit
import Groundwork
import Tables

/// Which column of the input holds observed values, and what they are called in the output.
struct TargetRole {
  /// nil where the input has none, or none that the output calls otherwise.
  let column: Int?
  /// Also of joined ones.
  let name: String
  /// What `-y`, or `QTARGET` in the environment, calls them.
  let told: String?

  /// `-y` or `QTARGET` names the column, or it is that of the input's format, scoringutils' `observed` or Nixtla's `y`. Otherwise the usual
  /// names count where the output's format has a name for observed values, and where some are joined. Of these, `target` is not looked
  /// for beside joined values nor in a hub's table, which is known by its dates: there it says what is forecast.
  init(_ flags: QReshape, _ session: FilterSession, _ header: Header, _ source: Source, _ shape: Shape, excluded: Set<Int>) throws {
    let told = flags.target ?? environmentVariable("QTARGET")
    let named = told.flatMap { header.index(of: $0) }.flatMap { excluded.contains($0) ? nil : $0 }
    let isOwned = named.map(source.owned.contains) ?? false
    if isOwned, flags.target != nil { throw Failure(.usage, "-y names \"\(told!)\", which has another role") }

    var column: Int?
    if case .long(let columns, _) = source, let observed = columns.target, !excluded.contains(observed) {
      if let named, named != observed, flags.target != nil {
        let cause = "-y names \"\(told!)\", and the observed values are in \"\(header.names[observed])\""
        throw Failure(.usage, cause, remedy: "leave that out with --exclude, or choose another name")
      }
      column = observed
    } else if let named, !isOwned {
      column = named
    } else if case .columns(_, let format) = source, let own = format.target.flatMap({ header.index(of: $0) }), !excluded.contains(own) {
      column = own
    } else if let wanted = flags.target, flags.truth == nil {
      _ = try session.column(header, wanted)
    } else if shape.target != nil || flags.truth != nil {
      let isHub =
        source.isHub || ["reference_date", "origin_date", "forecast_date", "target_end_date", "target_date"].contains { header.index(of: $0) != nil }
      let takesTarget = shape.takesTarget && flags.truth == nil && !isHub
      let usual = FilterSession.targetNames.filter { $0 != "target" || takesTarget }
      column = usual.lazy.compactMap { header.index(of: $0) }.first { !source.owned.contains($0) && !excluded.contains($0) }
    }
    self.column = column
    self.told = told
    // A name that no filter takes for a target's, scoringutils' `true_value`, becomes one.
    let own = column.map { header.names[$0] }.map { $0 == told || FilterSession.targetNames.contains($0) ? $0 : "observed" }
    name = shape.target ?? (named == nil || named == column ? flags.target : nil) ?? own ?? told ?? "observation"
  }
}
