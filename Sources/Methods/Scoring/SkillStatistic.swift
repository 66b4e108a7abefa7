import Glibc

/// A number of a tournament whose logarithm is a sum of logarithms of mean scores.
public enum SkillStatistic: Hashable, Sendable {
  /// `PairwiseSkill.ratio(i, j)`.
  case ratio(Int, Int)
  /// `PairwiseSkill.relativeSkill(i)`.
  case relativeSkill(Int)
  /// Relative skill of the first as a multiple of the second's.
  case scaledSkill(Int, against: Int)

  /// Its value; NaN where the models have no rows in common, or a perfect and an infinite score leave it undefined.
  public func value(_ skill: PairwiseSkill) -> Double {
    switch self {
    case .ratio(let i, let j): skill.ratio(i, j)
    case .relativeSkill(let i): skill.relativeSkill(i)
    case .scaledSkill(let i, let j): skill.relativeSkill(i) / skill.relativeSkill(j)
    }
  }

  /// α of log value = Σ α_ab log S_ab, where S_ab is the sum of the scores of model a over its rows in common with b.
  func terms(_ skill: PairwiseSkill) -> [(a: Int, b: Int, factor: Double)] {
    switch self {
    case .ratio(let i, let j): return i == j ? [] : [(i, j, 1), (j, i, -1)]
    case .relativeSkill(let i):
      let others = (0..<skill.models).filter { !skill.ratio(i, $0).isNaN }
      return others.filter { $0 != i }.flatMap { [(i, $0, 1 / Double(others.count)), ($0, i, -1 / Double(others.count))] }
    case .scaledSkill(let i, let j):
      if i == j { return [] }
      return SkillStatistic.relativeSkill(i).terms(skill) + SkillStatistic.relativeSkill(j).terms(skill).map { ($0.a, $0.b, -$0.factor) }
    }
  }
}
