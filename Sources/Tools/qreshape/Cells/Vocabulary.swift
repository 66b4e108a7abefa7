import Groundwork
import Quantiles

/// The models and levels of a run, numbered as they are met, by any thread: the numbers mean nothing in themselves and never show in an
/// output. Where models or levels are told, others are left out.
final class Vocabulary {
  private let monitor = Monitor()
  private var modelList: [String] = []
  private var levelList: [Double] = []
  /// By the bytes of their names.
  private var numberOfModel: [FieldText: Int] = [:]
  private var numberOfLevel: [Level: Int] = [:]
  /// Names and levels that were met, left out or not.
  private var metModels: Set<FieldText> = []
  private var metLevels: Set<Level> = []
  private var metUnnamed = false
  private var metNamesake = false
  /// What the group without a name is called.
  let unnamed: String
  /// As they are called in the output.
  let onlyModels: [String]?
  let onlyLevels: [Double]?
  private let allowedModels: Set<FieldText>?
  private let allowedLevels: Set<Level>?

  /// By number.
  var models: [String] { monitor.locked { modelList } }
  var levels: [Double] { monitor.locked { levelList } }

  init(models: [String]?, levels: [Double]?, unnamed: String) {
    self.unnamed = unnamed
    onlyModels = models.map { $0.map { $0.isEmpty ? unnamed : $0 } }
    onlyLevels = levels
    allowedModels = onlyModels.map { Set($0.map { FieldText($0) }) }
    allowedLevels = levels.map { Set($0.map { Level($0) }) }
    onlyModels?.forEach { _ = number($0) }
    levels?.forEach { _ = number($0) }
  }

  /// The number of a model that was met; −1 for one that is left out.
  func model(_ name: String) -> Int {
    let shown = name.isEmpty ? unnamed : name
    return monitor.locked {
      if name.isEmpty { metUnnamed = true } else if name == unnamed { metNamesake = true }
      metModels.insert(FieldText(shown))
      return allowedModels?.contains(FieldText(shown)) == false ? -1 : number(shown)
    }
  }

  /// The number of a level that was met; −1 for one that is left out.
  func level(_ level: Double) -> Int {
    monitor.locked {
      metLevels.insert(Level(level))
      return allowedLevels?.contains(Level(level)) == false ? -1 : number(level)
    }
  }

  /// Whether the group without a name was called as another that is there.
  var hasMerged: Bool { monitor.locked { metUnnamed && metNamesake } }

  /// Models and levels that were told and not met, and those that were met.
  var absentModels: [String] { monitor.locked { (onlyModels ?? []).filter { !metModels.contains(FieldText($0)) } } }
  var absentLevels: [Double] { monitor.locked { (onlyLevels ?? []).filter { !metLevels.contains(Level($0)) } } }
  var presentModels: [String] { monitor.locked { metModels.sorted().map(\.description) } }
  var presentLevels: [Double] { monitor.locked { metLevels.sorted().map(\.value) } }

  /// Numbers of the told models, in their order.
  var toldModels: [Int]? { onlyModels.map { $0.map(number) } }

  private func number(_ model: String) -> Int {
    if let number = numberOfModel[FieldText(model)] { return number }
    modelList.append(model)
    numberOfModel[FieldText(model)] = modelList.count - 1
    return modelList.count - 1
  }

  private func number(_ value: Double) -> Int {
    let level = Level(value)
    if let number = numberOfLevel[level] { return number }
    levelList.append(level.value)
    numberOfLevel[level] = levelList.count - 1
    return levelList.count - 1
  }
}
