import Groundwork

/// What a fit may use beside its data. Results depend on `seed` and never on `threads`.
public struct FitContext: Sendable {
  public var threads: Int
  public var seed: UInt64
  /// Tells the user something worth knowing once, without the tool's name. What differs between fits, numbers and names, stands in
  /// parentheses or behind a colon: "left out of the regression: x3 (constant)".
  public var warn: @Sendable (String) -> Void
  /// Tells under `--verbose` what was chosen and learnt.
  public var note: @Sendable (String) -> Void
  /// Reports the fraction of the work that is done, 0 to 1. May be called from any thread.
  public var progress: @Sendable (Double) -> Void

  /// How warnings list the names of models, levels or features.
  public var list: Listing

  public init(
    threads: Int = 1, seed: UInt64 = 1, list: Listing = Listing(), warn: @escaping @Sendable (String) -> Void = { _ in },
    note: @escaping @Sendable (String) -> Void = { _ in }, progress: @escaping @Sendable (Double) -> Void = { _ in }
  ) {
    self.threads = threads
    self.seed = seed
    self.list = list
    self.warn = warn
    self.note = note
    self.progress = progress
  }
}
