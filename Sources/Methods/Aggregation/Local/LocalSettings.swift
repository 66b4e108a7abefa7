import MethodKit
import NetworkModels
import Quantiles

/// What the local methods share: a small network of the features gives softmax weights over base quantiles (Fakoor et al. 2023, section
/// 3.3, "deep quantile aggregation"), trained end to end on the pinball loss of all levels from weights that start at the global optimum.
///
/// Beyond the paper, each of which a setting takes back:
/// - the network also sees the base predictions: where models differ and how wide they are (`inputs`);
/// - weights are free at some levels and their logits linear between (`knots`), and *fine* weights are placed in steps around an output's
///   own level (`reach`), so that neighbouring levels learn together (see `MixtureShape`);
/// - several networks, each stopped early on rows of its own, are averaged (`networks`);
/// - a network of the features alone, fitted out of fold, may stand beside the models (`own`), and a shift of all levels beside the
///   weights (`shift`): weights on the simplex cannot mend what all models share.
struct LocalSettings: Sendable {
  enum Resolution: Sendable { case coarse, medium, fine }
  enum Inputs: String, Sendable { case both, features, predictions }
  enum Own: String, Sendable { case none, normal, levels }

  let plan: NetworkTraining
  let knots: Int
  let offsets: [Double]
  let inputs: Inputs
  let own: Own
  let shifts: Bool
  let crossing: CrossingSettings

  /// What training one network costs about, in seconds of 10¹⁰ operations: some 25 passes over the rows, or 1,000 steps where rows are few.
  func fitSeconds(_ training: AggregationTraining) -> Double {
    let (n, p, m) = (training.target.count, training.predictions.models.count, training.predictions.levels.count)
    let sources = p * max(offsets.count, offsets.isEmpty ? m : 1)
    let inputs = Double(2 * p + (training.features?.columns.count ?? 0))
    let width = Double(plan.hidden[0])
    let parameters = inputs * width + Double(plan.hidden.count - 1) * width * width + width * Double(sources * (knots == 0 ? m : min(knots, m)))
    let rows = Double(max(25 * n, 1000 * plan.batchSize(rows: n)))
    return min(rows, Double(plan.steps * plan.batchSize(rows: n))) * (6 * parameters + 40 * Double(sources * m)) / 1e10
  }

  /// Normal-score steps of `reach`.
  private static let reaches: [(name: String, offsets: [Double])] = [
    ("narrow", [-0.2, -0.1, 0, 0.1, 0.2]),
    ("wide", [-0.4, -0.2, -0.1, -0.05, 0, 0.05, 0.1, 0.2, 0.4]),
    ("far", [-0.8, -0.4, -0.2, 0, 0.2, 0.4, 0.8]),
    ("all", []),
  ]

  static func descriptions(_ resolution: Resolution) -> [SettingDescription] {
    var settings = [
      SettingDescription(
        "networks", .integer(1...100), default: resolution == .fine ? "4" : "2", "networks averaged; each holds out another part of the rows",
        inTrials: "1"),
      SettingDescription("hidden", .integer(1...4096), default: "64", "units in a hidden layer", search: .among(["32", "64", "128"])),
      SettingDescription("layers", .integer(1...10), default: "2", "hidden layers", search: .among(["1", "2", "3"])),
      SettingDescription("rate", .number(1e-6...1), default: "0.003", "Adam's step size at the start", search: .logarithmic(0.001...0.01)),
      SettingDescription("decay", .number(0...10), default: "0.0001", "weight decay", search: .logarithmic(1e-6...0.1)),
      SettingDescription(
        "dropout", .number(0...0.9), default: "0.05", "share of hidden units left out at random in a step",
        search: .among(["0", "0.05", "0.1", "0.2"])),
      SettingDescription("batch", .integer(0...65536), default: "0", "rows in a step; 0 chooses by the number of rows"),
      SettingDescription("steps", .integer(1...100_000_000), default: "5000", "most steps of a network"),
      SettingDescription("patience", .integer(1...1000), default: resolution == .fine ? "4" : "3", "checks without gain before the step size falls"),
      SettingDescription("inputs", .choice(["both", "features", "predictions"]), default: "both", "what the network sees"),
      SettingDescription(
        "own", .choice(["none", "normal", "levels"]), default: resolution == .fine ? "normal" : "none",
        "a network of the features beside the models, as qfit's cgn or dqr", inTrials: "none"),
      SettingDescription(
        "shift", .choice(["none", "local"]), default: "none", "a shift of all levels that the network learns beside the weights",
        search: resolution == .fine ? nil : .among(["none", "local"])),
    ]
    if resolution != .coarse {
      settings.append(SettingDescription("knots", .integer(0...10_000), default: "11", "levels at which weights are free; 0 is every level"))
    }
    if resolution == .fine {
      settings.append(
        SettingDescription(
          "reach", .choice(reaches.map(\.name)), default: "wide", "input levels around an output's own", search: .among(["narrow", "wide", "far"])))
    }
    return settings + CrossingSettings.ofLocalMethods
  }

  init(_ settings: Settings, _ resolution: Resolution) {
    plan = NetworkTraining(settings)
    knots = resolution == .coarse ? 1 : settings.integer("knots")
    offsets = resolution == .fine ? LocalSettings.reaches.first { $0.name == settings.choice("reach") }!.offsets : [0]
    inputs = Inputs(rawValue: settings.choice("inputs"))!
    own = Own(rawValue: settings.choice("own"))!
    shifts = settings.choice("shift") == "local"
    crossing = CrossingSettings(settings)
  }
}
