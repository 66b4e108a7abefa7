extension ScoreDescription {
  /// What explains the columns of those families of a registry for which the condition holds, in the order of the columns.
  public static func lines(of registry: [any Score.Type] = scoreRegistry, where isTaken: (ScoreDescription) -> Bool = { _ in true }) -> [Line] {
    registry.map { $0.description }.filter(isTaken).flatMap { $0.lines }
  }

  /// Families that are reported only where they are asked for.
  public static func requested(of registry: [any Score.Type] = scoreRegistry) -> [ScoreDescription] {
    registry.map { $0.description }.filter { $0.request != nil }
  }
}
