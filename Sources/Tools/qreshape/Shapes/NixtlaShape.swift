import Groundwork
import Quantiles
import Tables

/// Nixtla's libraries: the ends of central intervals, `MODEL-lo-90` and `MODEL-hi-90`, and the median `MODEL-median`. Read are also
/// TimeGPT's `MODEL-q-10`, percents without their decimals, or in a table of fractions `MODEL-q-0.1`, and neuralforecast's `MODEL_ql0.1` and
/// `MODEL-ql0.1`. A column `MODEL` alone is a point forecast and passes through.
struct NixtlaShape: ColumnShape {
  let name = "nixtla"
  let summary = "MODEL-lo-90, MODEL-median, MODEL-hi-90 beside unique_id, ds, y"
  let shortenings = [Shortening.truncated, .formatted, .halvesToEven, .halvesUp]
  let target: String? = "y"

  let likeness = QuantileLikeness(markers: ["lo", "hi", "q", "ql"])

  /// A number behind one of these words is half of the distance between two levels, or a level.
  private enum Word: Substring { case lo, hi, q }

  private static func split(_ column: String) -> (model: String, word: Word, text: Substring)? {
    let parts = column.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count >= 3, let word = Word(rawValue: parts[parts.count - 2]), LevelText(parts[parts.count - 1]) != nil else { return nil }
    let model = parts.dropLast(2).joined(separator: "-")
    return model.isEmpty ? nil : (model, word, parts[parts.count - 1])
  }

  private static func end(_ word: Word, _ coverage: Double) -> LevelText {
    LevelText(exactly: (word == .lo ? 1 - coverage : 1 + coverage) / 2)
  }

  func read(_ column: String) -> (model: String, level: LevelText)? {
    if let (model, level) = NixtlaShape.quantileLoss(column) { return (model, level) }
    if column.hasSuffix("-median") { return column.utf8.count > 7 ? (String(column.dropLast(7)), LevelText(exactly: 0.5)) : nil }
    guard let (model, word, text) = NixtlaShape.split(column), let percent = LevelText(text, isPercent: true), percent.value <= 1 else { return nil }
    return (model, word == .q ? percent : NixtlaShape.end(word, percent.value))
  }

  /// A percent may have lost its decimals, even 0.
  func fault(_ level: LevelText, _ column: String, input: String) -> Failure? {
    level.isLevel || (level.decimals == 2 && level.digits == 0) ? nil : NixtlaShape.outside(column, input)
  }

  func quantiles(of names: [String], told: [Double]?, isAsked: @escaping (String) -> Bool, input: String) throws -> [NamedQuantile] {
    let found = names.enumerated().compactMap { column, name in read(name).map { NamedQuantile(column: column, model: $0.model, level: $0.level) } }
    var ends: [(Word, LevelScale.Member)] = []
    var levels: [LevelScale.Member] = []
    for quantile in found where NixtlaShape.quantileLoss(names[quantile.column]) == nil {
      guard let (model, word, text) = NixtlaShape.split(names[quantile.column]) else { continue }
      let member = LevelScale.Member(column: quantile.column, name: names[quantile.column], model: model, text: text)
      if word == .q { levels.append(member) } else { ends.append((word, member)) }
    }
    let scale = LevelScale(ways: shortenings, told: told, isAsked: isAsked, input: input, besidePercents: ends.contains { !$0.1.isSmall })
    var levelOfColumn = Dictionary(uniqueKeysWithValues: try scale.read(levels).map { ($0.column, $0.level) })
    if try !arePercents(ends, told: told, isAsked: isAsked, input: input) {
      for (word, end) in ends { levelOfColumn[end.column] = NixtlaShape.end(word, end.fraction.value) }
    }
    return found.map { NamedQuantile(column: $0.column, model: $0.model, level: levelOfColumn[$0.column] ?? $0.level) }
  }

  /// Whether intervals are called by percents, as this format has it. Fractions are read where they are the levels that are told; an
  /// interval below 1 % beside none above it is more likely a fraction, and is refused.
  private func arePercents(_ ends: [(Word, LevelScale.Member)], told: [Double]?, isAsked: @escaping (String) -> Bool, input: String) throws -> Bool {
    if let told {
      let levels = Set(told.map { Level($0) })
      let percents = ends.count { levels.contains(NixtlaShape.end($0, $1.percent.value).level) }
      let fractions = ends.count { levels.contains(NixtlaShape.end($0, $1.fraction.value).level) }
      if percents != fractions { return percents > fractions }
    }
    for (word, end) in ends where end.isSmall && isAsked(end.model) {
      let large = ends.filter { $0.1.model == end.model && !$0.1.isSmall }
      if !large.isEmpty, !large.contains(where: { $0.0 == word && $0.1.percent.level == end.fraction.level }) { continue }
      let texts = [end.fraction, end.percent].map { levelText(NixtlaShape.end(word, $0.value).value) }
      throw Failure(
        .badData, "the level may be \(texts[0]), of a fraction, or \(texts[1]), of a percent", at: .init(input: input, line: 1, column: end.name),
        remedy: "tell the levels that are meant with --levels")
    }
    return true
  }

  /// `MODEL_ql0.1` and `MODEL-ql0.1`, a network's output for the quantile loss of a level.
  private static func quantileLoss(_ column: String) -> (String, LevelText)? {
    guard let at = column.lastIndex(of: "l") else { return nil }
    let head = column[..<at]
    guard head.hasSuffix("_q") || head.hasSuffix("-q"), head.count > 2, let level = LevelText(column[column.index(after: at)...]), level.isLevel
    else { return nil }
    return (String(head.dropLast(2)), LevelText(exactly: level.value))
  }

  /// A median's name is also that of many other columns.
  func isTold(by columns: [String]) -> Bool { columns.contains { !$0.hasSuffix("-median") } }

  func columnName(_ model: String, _ level: Double) throws -> String {
    if model.isEmpty { throw cannotHold("the group without a name", remedy: "name it with --as") }
    if level == 0.5 { return model + "-median" }
    return model + (level < 0.5 ? "-lo-" : "-hi-") + levelText(abs(1 - 2 * level) * 100)
  }
}
