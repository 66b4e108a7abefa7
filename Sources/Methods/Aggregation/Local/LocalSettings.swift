import MethodKit
import NetworkModels

/// The settings of the local methods: a small network of the features gives softmax weights over base quantiles (Fakoor et al. 2023, section
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
  enum Inputs: String, Sendable { case both, features, predictions }
  enum Own: String, Sendable { case none, normal, levels }

  let plan: NetworkTraining
  let knots: Int
  let offsets: [Double]
  let inputs: Inputs
  let own: Own
  let shifts: Bool
  let crossing: CrossingSettings

  /// Normal-score steps of `reach`.
  private static let reaches: [(name: String, offsets: [Double])] = [
    ("narrow", [-0.2, -0.1, 0, 0.1, 0.2]),
    ("wide", [-0.4, -0.2, -0.1, -0.05, 0, 0.05, 0.1, 0.2, 0.4]),
    ("far", [-0.8, -0.4, -0.2, 0, 0.2, 0.4, 0.8]),
    ("all", []),
  ]

  static func descriptions(_ resolution: any LocalResolution.Type) -> [SettingDescription] {
    var settings = [
      SettingDescription(
        "networks", .integer(1...100), default: resolution.defaults.networks, "networks averaged; each holds out another part of the rows",
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
      SettingDescription("patience", .integer(1...1000), default: resolution.defaults.patience, "checks without gain before the step size falls"),
      SettingDescription("inputs", .choice(["both", "features", "predictions"]), default: "both", "what the network sees"),
      SettingDescription(
        "own", .choice(["none", "normal", "levels"]), default: resolution.defaults.own,
        "a network of the features beside the models, as qfit's cgn or dqr", inTrials: "none"),
      SettingDescription(
        "shift", .choice(["none", "local"]), default: "none", "a shift of all levels that the network learns beside the weights",
        search: resolution.reachesAround ? nil : .among(["none", "local"])),
    ]
    if resolution.variesWithLevel {
      settings.append(SettingDescription("knots", .integer(0...10_000), default: "11", "levels at which weights are free; 0 is every level"))
    }
    if resolution.reachesAround {
      settings.append(
        SettingDescription(
          "reach", .choice(reaches.map(\.name)), default: "wide", "input levels around an output's own", search: .among(["narrow", "wide", "far"])))
    }
    return settings + CrossingSettings.ofLocalMethods
  }

  init(_ settings: Settings, _ resolution: any LocalResolution.Type) {
    plan = NetworkTraining(settings)
    knots = resolution.variesWithLevel ? settings.integer("knots") : 1
    offsets = resolution.reachesAround ? LocalSettings.reaches.first { $0.name == settings.choice("reach") }!.offsets : [0]
    inputs = Inputs(rawValue: settings.choice("inputs"))!
    own = Own(rawValue: settings.choice("own"))!
    shifts = settings.choice("shift") == "local"
    crossing = CrossingSettings(settings)
  }
}
