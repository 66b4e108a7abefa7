import Glibc
import Groundwork

extension MethodDescription {
  /// Whether there is a setting that tuning may change, beside those that are fixed.
  public func isTunable(beside fixed: [(key: String, value: String)]) -> Bool {
    settings.contains { setting in setting.search != nil && !fixed.contains { $0.key == setting.name } }
  }

  /// Settings drawn at random from the search spaces; fixed ones stay as they are.
  public func drawSettings(beside fixed: [(key: String, value: String)], _ random: inout RandomStream) -> [(key: String, value: String)] {
    var drawn = fixed
    for setting in settings {
      guard let search = setting.search, !fixed.contains(where: { $0.key == setting.name }) else { continue }
      drawn.append((setting.name, search.draw(setting.kind, &random)))
    }
    return drawn
  }
}

extension MethodDescription {
  /// The settings of a trial of `asked`: those with a value of their own in trials have it, whatever was asked.
  public func trialSettings(of asked: [(key: String, value: String)]) -> [(key: String, value: String)] {
    asked + settings.compactMap { setting in setting.inTrials.map { (setting.name, $0) } }
  }
}

extension SettingDescription.Search {
  fileprivate func draw(_ kind: SettingDescription.Kind, _ random: inout RandomStream) -> String {
    switch self {
    case .among(let values): return values[random.below(values.count)]
    case .logarithmic(let range):
      let value = exp(log(range.lowerBound) + random.uniform() * (log(range.upperBound) - log(range.lowerBound)))
      if case .integer = kind { return "\(Int(value.rounded()))" }
      // A quotient of whole numbers is the double nearest to the short decimal.
      let digits = pow(10, 2 - floor(log10(value)))
      return "\(min(max((value * digits).rounded() / digits, range.lowerBound), range.upperBound))"
    }
  }
}
