import Groundwork
import Quantiles

/// The models and levels of a run, numbered as they are met, by any thread: the numbers mean nothing in themselves and never show in an
/// output.
final class Vocabulary {
  private let monitor = Monitor()
  private var modelList: [String] = []
  private var levelList: [Double] = []
  private var numberOfModel: [String: Int] = [:]
  private var numberOfLevel: [Int: Int] = [:]
  private let onlyModels: [String]?
  private let onlyLevels: Set<Int>?
  /// What the group without a name is called.
  private let unnamed: String

  /// By number.
  var models: [String] { monitor.locked { modelList } }
  var levels: [Double] { monitor.locked { levelList } }

  /// Where models or levels are told, others are left out.
  init(models: [String]?, levels: [Double]?, unnamed: String) {
    onlyModels = models
    onlyLevels = levels.map { Set($0.map(Levels.key)) }
    self.unnamed = unnamed
    models?.forEach { _ = model($0) }
    levels?.forEach { _ = level($0) }
  }

  /// The number of a model; −1 for one that is left out.
  func model(_ name: String) -> Int {
    let name = name.isEmpty ? unnamed : name
    if let onlyModels, !onlyModels.contains(name) { return -1 }
    return monitor.locked {
      if let number = numberOfModel[name] { return number }
      modelList.append(name)
      numberOfModel[name] = modelList.count - 1
      return modelList.count - 1
    }
  }

  /// The number of a level; −1 for one that is left out.
  func level(_ level: Double) -> Int {
    let key = Levels.key(level)
    if let onlyLevels, !onlyLevels.contains(key) { return -1 }
    return monitor.locked {
      if let number = numberOfLevel[key] { return number }
      levelList.append(Levels.rounded(level))
      numberOfLevel[key] = levelList.count - 1
      return levelList.count - 1
    }
  }
}
