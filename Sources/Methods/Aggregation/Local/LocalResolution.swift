/// How finely local weights are told apart: all in which the three local methods differ.
public protocol LocalResolution: Sendable {
  static var name: String { get }
  static var summary: String { get }
  /// See `Aggregator`.
  static var complexity: Int { get }
  static var usualSeconds: Double { get }
  /// Whether a model has other weights at other levels, linear between the knots of τ.
  static var variesWithLevel: Bool { get }
  /// Whether an output level takes from a model's quantiles at levels around it, each with a weight of its own.
  static var reachesAround: Bool { get }
  /// What three of the settings are by default.
  static var defaults: (networks: String, patience: String, own: String) { get }
}

/// One weight a model, the same at every level (local coarse): ĝ(x; τ) = Σ_j w_j(x) ĝ_j(x; τ).
public enum CoarseResolution: LocalResolution {
  public static let name = "local-coarse"
  public static let summary = "a weight a model that depends on the row's features"
  public static let complexity = 70
  public static let usualSeconds = 0.4
  public static let variesWithLevel = false
  public static let reachesAround = false
  public static let defaults = (networks: "2", patience: "3", own: "none")
}

/// One weight a model and level (local medium): ĝ(x; τ) = Σ_j w_j^τ(x) ĝ_j(x; τ), W^τ and b^τ linear between the knots of τ.
public enum MediumResolution: LocalResolution {
  public static let name = "local-medium"
  public static let summary = "a weight a model and level that depends on the row's features"
  public static let complexity = 80
  public static let usualSeconds = 1.6
  public static let variesWithLevel = true
  public static let reachesAround = false
  public static let defaults = (networks: "2", patience: "3", own: "none")
}

/// At each output level weights on every model at levels around it (local fine): ĝ(x; τ) = Σ_j Σ_o w_jo^τ(x) ĝ_j(x; Φ(Φ⁻¹(τ) + δ_o)), with a
/// network of the features, fitted out of fold, among the models. `reach=all,knots=0,own=none,inputs=features,networks=1` with
/// `hidden=128,layers=3` is the paper's own form.
public enum FineResolution: LocalResolution {
  public static let name = "local-fine"
  public static let summary = "deep quantile aggregation: weights on models and their levels that depend on the row's features"
  public static let complexity = 90
  public static let usualSeconds = 15.0
  public static let variesWithLevel = true
  public static let reachesAround = true
  public static let defaults = (networks: "4", patience: "4", own: "normal")
}
