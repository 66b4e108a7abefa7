import MethodKit

/// Step sizes of the copies of adaptive conformal inference that a method puts together: each twice the one before.
struct ACIExperts {
  static let settings = [
    SettingDescription("gamma", .number(1e-9...1), default: "0.001", "smallest step size"),
    SettingDescription("experts", .integer(1...30), default: "8", "step sizes, each twice the one before, none above 1"),
    windowSetting,
  ]

  let alpha: Double
  let gammas: [Double]

  init(alpha: Double, settings: Settings) {
    self.alpha = alpha
    let smallest = settings.number("gamma")
    gammas = (0..<settings.integer("experts")).map { smallest * Double(1 << $0) }.filter { $0 <= 1 }
  }

  /// No step moves a level by more than 1 a row, so no count of rows brings one further than this; a rank of a million scores at it is a number yet.
  static let largestLevel = 1e12

  var start: [Double] { gammas.map { _ in alpha } }

  /// α_k + γ_k (α − err_k) for each, summed over rows; `misses` is how many of them the k-th missed.
  func step(_ levels: inout [Double], rows: Int, misses: (Int) -> Int) {
    for k in gammas.indices { levels[k] += gammas[k] * (Double(rows) * alpha - Double(misses(k))) }
  }
}
