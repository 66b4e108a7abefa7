import Glibc
import Algebra
import Groundwork
import Learners
import Methods
import Quantiles

/// How finely local weights resolve models and levels, the settings that follow, and their fit.
///
/// Weights are a softmax of a small network of the features (Fakoor et al. 2023, section 3.3), trained end to end on the pinball loss of
/// all levels, from weights that start at the global optimum. Several networks, each stopped early on rows of its own that it did not
/// train on, are averaged.
struct LocalMixture: Sendable {
  enum Resolution: String, Sendable { case coarse, medium, fine }

  let plan: NetworkTraining
  let resolution: Resolution
  let knots: Int
  let offsets: [Double]
  let usesFeatures: Bool
  let usesPredictions: Bool
  let shifts: Bool
  let own: String
  let control: @Sendable (Double, [Double]) -> CrossingControl

  static func settings(_ resolution: Resolution) -> [SettingDescription] {
    [
      SettingDescription("networks", .integer(1...100), default: "4", "networks averaged; each holds out another part of the rows"),
      SettingDescription("hidden", .integer(1...4096), default: "64", "units in a hidden layer", search: .among(["64", "128"])),
      SettingDescription("layers", .integer(1...10), default: "2", "hidden layers", search: .among(["2", "3"])),
      SettingDescription("rate", .number(1e-6...1), default: "0.003", "Adam's step size at the start", search: .logarithmic(0.0005...0.005)),
      SettingDescription("decay", .number(0...10), default: "0.0001", "weight decay", search: .logarithmic(1e-6...0.01)),
      SettingDescription("dropout", .number(0...0.9), default: "0.05", "share of hidden units left out at random in a step", search: .among(["0", "0.05", "0.1", "0.2"])),
      SettingDescription("batch", .integer(0...65536), default: "0", "rows in a step; 0 chooses by the number of rows"),
      SettingDescription("steps", .integer(1...100_000_000), default: "5000", "most steps of a network"),
      SettingDescription("patience", .integer(1...1000), default: "4", "checks without gain before the step size falls"),
      SettingDescription("inputs", .choice(["both", "features", "predictions"]), default: "both", "what the network sees"),
      SettingDescription("own", .choice(["none", "normal", "levels"]), default: "none", "a network of its own beside the models"),
      SettingDescription("shift", .choice(["none", "local"]), default: "none", "a shift of all levels that the network learns beside the weights"),
      SettingDescription("noncrossing", .choice(["none", "penalty", "sort", "pava", "minmax"]), default: "none", "what keeps levels from crossing in training"),
      SettingDescription("margin", .choice(["fixed", "adaptive"]), default: "fixed", "margins of the penalty"),
      SettingDescription("delta", .number(0...1), default: "0.001", "margin, in standard deviations of the target, or as a share of the pilot residuals' quantiles"),
      SettingDescription("crossing", .number(0...1000), default: "1", "weight of the penalty"),
    ] + (resolution == .coarse ? [] : [SettingDescription("knots", .integer(0...10_000), default: "11", "levels at which weights are free; 0 is all")])
      + (resolution == .fine ? [SettingDescription("reach", .choice(["narrow", "wide", "far", "all"]), default: "wide", "input levels of an output level")] : [])
  }

  init(_ settings: Settings, _ resolution: Resolution) {
    plan = NetworkTraining(settings)
    self.resolution = resolution
    knots = resolution == .coarse ? 1 : settings.integer("knots")
    switch resolution == .fine ? settings.choice("reach") : "none" {
      case "narrow": offsets = [-0.2, -0.1, 0, 0.1, 0.2]
      case "wide": offsets = [-0.4, -0.2, -0.1, -0.05, 0, 0.05, 0.1, 0.2, 0.4]
      case "far": offsets = [-0.8, -0.4, -0.2, 0, 0.2, 0.4, 0.8]
      case "all": offsets = []
      default: offsets = [0]
      }
    let inputs = settings.choice("inputs")
    usesFeatures = inputs != "predictions"
    usesPredictions = inputs != "features"
    own = settings.choice("own")
    shifts = settings.choice("shift") == "local"
    let weight = Float(settings.number("crossing"))
    let delta = settings.number("delta")
    let mode = settings.choice("noncrossing")
    let adaptive = settings.choice("margin") == "adaptive"
    control = { deviation, pilot in
      switch mode {
      case "penalty": adaptive ? .adaptivePenalty(weight: weight, margins: pilot.map { Float($0 * delta) }) : .penalty(weight: weight, margin: Float(delta * deviation))
      case "none": .none
      default: .isotonic(IsotonicOperator(rawValue: mode)!)
      }
    }
  }
}

/// Row centres, units and features that come from base predictions.
package struct PredictionView {
  let centres: [Double]
  /// Mean over models of half of the width between levels near .1 and .9; 0 where there is one level.
  let widths: [Double]
  let names: [String]
  let columns: [FeatureTable.Column]

  init(_ predictions: BasePredictions) {
    let (n, p, m) = (predictions.rows, predictions.models.count, predictions.levels.count)
    let anchor = Isotonic.anchor(predictions.levels)
    func nearest(_ level: Double) -> Int { predictions.levels.indices.min { abs(predictions.levels[$0] - level) < abs(predictions.levels[$1] - level) }! }
    let (low, high) = (nearest(0.1), nearest(0.9))
    var centres = [Double](repeating: 0, count: n)
    var widths = [Double](repeating: 0, count: n)
    var medians = [[Double]](repeating: [Double](repeating: .nan, count: n), count: p)
    var spreads = medians
    for i in 0..<n {
      var sum = 0.0
      var count = 0
      var widthSum = 0.0
      for j in 0..<p {
        let at = (i * p + j) * m
        let v = predictions.values[at + anchor]
        let w = abs(predictions.values[at + high] - predictions.values[at + low])
        guard v.isFinite, w.isFinite else { continue }
        medians[j][i] = v
        spreads[j][i] = w
        sum += v
        widthSum += w
        count += 1
      }
      if count > 0 {
        centres[i] = sum / Double(count)
        widths[i] = widthSum / Double(count)
      }
      for j in 0..<p { medians[j][i] -= centres[i] }
    }
    self.centres = centres
    self.widths = widths
    var names = ["mean"]
    var columns: [FeatureTable.Column] = [.numeric(centres)]
    for j in 0..<p where p > 1 {
      names.append("\(predictions.models[j]) median")
      columns.append(.numeric(medians[j]))
    }
    for j in 0..<p where high > low {
      names.append("\(predictions.models[j]) width")
      columns.append(.numeric(spreads[j].map { $0.isNaN ? .nan : log(max($0, 1e-300)) }))
    }
    self.names = names.map { "prediction " + $0 }
    self.columns = columns
  }
}
