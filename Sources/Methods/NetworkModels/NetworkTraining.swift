import Glibc
import Groundwork
import MethodKit
import Networks
import Synchronization

/// How a network learns; the settings that all network learners share.
package struct NetworkTraining: Sendable {
  package static let settings = [
    SettingDescription("networks", .integer(1...100), default: "4", "networks averaged; each holds out another part of the rows", inTrials: "1"),
    SettingDescription("hidden", .integer(1...4096), default: "128", "units in a hidden layer", search: .among(["64", "128", "256"])),
    SettingDescription("layers", .integer(1...10), default: "3", "hidden layers", search: .among(["2", "3", "4"])),
    SettingDescription("rate", .number(1e-6...1), default: "0.003", "Adam's step size at the start", search: .logarithmic(0.001...0.01)),
    SettingDescription("decay", .number(0...10), default: "0.0001", "weight decay", search: .logarithmic(1e-6...0.01)),
    SettingDescription(
      "dropout", .number(0...0.9), default: "0", "share of hidden units left out at random in a step", search: .among(["0", "0.05", "0.1", "0.2"])),
    SettingDescription("batch", .integer(0...65536), default: "0", "rows in a step; 0 chooses by the number of rows"),
    SettingDescription("steps", .integer(1...100_000_000), default: "20000", "most steps of a network"),
    SettingDescription("patience", .integer(1...1000), default: "8", "checks without gain before the step size falls"),
  ]

  package let networks: Int
  package let hidden: [Int]
  package let rate: Double
  package let decay: Double
  package let dropout: Double
  package let batch: Int
  package let steps: Int
  package let patience: Int

  package init(_ settings: Settings) {
    networks = settings.integer("networks")
    hidden = [Int](repeating: settings.integer("hidden"), count: settings.integer("layers"))
    rate = settings.number("rate")
    decay = settings.number("decay")
    dropout = settings.number("dropout")
    batch = settings.integer("batch")
    steps = settings.integer("steps")
    patience = settings.integer("patience")
  }

  /// The network of these widths, its inputs and outputs among them; nil where no settings make it one of so many inputs and outputs.
  package static func shape(_ widths: [Int], inputs: Int, outputs: Int) -> NetworkShape? {
    guard (3...12).contains(widths.count), widths[0] == inputs, widths[widths.count - 1] == outputs,
      widths.dropFirst().dropLast().allSatisfy({ (1...4096).contains($0) })
    else { return nil }
    return NetworkShape(inputs: inputs, hidden: Array(widths.dropFirst().dropLast()), outputs: outputs)
  }

  /// With these settings and the defaults of the others.
  package init(_ settings: [(key: String, value: String)]) throws {
    self.init(try Settings(settings, of: MethodDescription(name: "network", summary: "", settings: NetworkTraining.settings)))
  }

  /// The data of a fit, standardised.
  package struct Rows: Sendable {
    package let count: Int
    package let width: Int
    package let inputs: [Float]
    package let target: [Float]
    /// Mean 1.
    package let weights: [Float]?
    /// Where rows stand in time, if that is told.
    package let times: RowTimes?

    package init(count: Int, width: Int, inputs: [Float], target: [Float], weights: [Float]?, times: RowTimes? = nil) {
      self.count = count
      self.width = width
      self.inputs = inputs
      self.target = target
      self.weights = weights
      self.times = times
    }
  }

  /// Networks that each held out another part of the rows, and what a row of it lost.
  package struct Result: Sendable {
    package let shape: NetworkShape
    package let parameters: [[Float]]
    package let heldOutLoss: Double
    package let steps: Int
    /// Of each network: the rows it held out.
    package let heldOut: [[Int]]
  }

  /// Where rows stand in time, every network is first trained on the earlier rows, to learn from the last fifth of the rows when to lower its
  /// rate and when to stop; then it takes as many steps on all of them.
  ///
  /// Cost: networks × steps × batch × parameters × 6 operations at most, twice that where rows stand in time; networks train side by side.
  package func fit(_ rows: Rows, _ objective: some NetworkObjective, context: FitContext) throws -> Result {
    let shape = NetworkShape(inputs: rows.width + objective.extraInputs, hidden: hidden, outputs: objective.outputs)
    // Parameters of all; of one at least their gradients, two moments, their average and the best so far; 4 bytes each.
    let bytes = 4 * Double(shape.parameterCount) * Double(networks + 5)
    try MemoryNeed.check(
      bytes, for: "training \(counted(networks, "network")) of \(shape.parameterCount) parameters", remedy: "lower hidden or layers")
    var order = Array(0..<rows.count)
    var random = RandomStream(seed: context.seed, stream: 0x6E65_7473)
    random.shuffle(&order)
    let members = networks
    // Of a single network a fifth is held out, as of five.
    let parts = max(2, min(max(members, 5), rows.count))
    let done = Mutex([Double](repeating: 0, count: members))
    let progress = context.progress
    let inTime = rows.times?.lastSplit(share: 0.2, of: Array(0..<rows.count))
    let trained = try parallelMap(members, threads: context.threads) {
      [order] member -> (parameters: [Float], loss: Double, steps: Int, held: [Int]) in
      var training: [Int] = []
      var held: [Int] = []
      for (place, row) in order.enumerated() { if place % parts == member % parts { held.append(row) } else { training.append(row) } }
      if training.isEmpty { training = held }
      if held.isEmpty { held = training }
      if let inTime { (training, held) = (inTime.teaching, inTime.judged) }
      var run = NetworkRun(
        self, rows, objective, shape, training: training, held: held, random: RandomStream(seed: context.seed, stream: UInt64(member)),
        progress: { share in
          progress(
            done.withLock { shares in
              shares[member] = share
              return shares.reduce(0, +) / Double(members)
            })
        })
      let done = try run.train()
      guard inTime != nil else { return (done.parameters, done.loss, done.schedule.steps, held) }
      var whole = NetworkRun(
        self, rows, objective, shape, training: Array(0..<rows.count), held: [], random: RandomStream(seed: context.seed, stream: UInt64(member)),
        progress: { _ in })
      return (try whole.train(by: done.schedule), done.loss, done.schedule.steps, [])
    }
    return Result(
      shape: shape, parameters: trained.map(\.parameters), heldOutLoss: trained.map(\.loss).reduce(0, +) / Double(members),
      steps: trained.map(\.steps).reduce(0, +) / members, heldOut: trained.map(\.held))
  }

  package func batchSize(rows: Int) -> Int {
    if batch > 0 { return min(batch, rows) }
    return min(rows, rows < 2000 ? 32 : rows < 20_000 ? 64 : 256)
  }
}

extension NetworkTraining {
  fileprivate static let diverged = Failure(
    .badData, "the network's training diverged", remedy: "set a smaller rate, or look for rows far off the others")
}

/// Rows in a random order, some at a time, and again in another when all were taken.
private struct Batches {
  private var order: [Int]
  private var place: Int
  let size: Int

  init(_ rows: [Int], size: Int) {
    order = rows
    place = rows.count
    self.size = size
  }

  mutating func next(_ random: inout RandomStream) -> ArraySlice<Int> {
    if place >= order.count {
      random.shuffle(&order)
      place = 0
    }
    let first = place
    place = min(order.count, first + size)
    return order[first..<place]
  }
}

/// The training of one network: steps on shuffled batches, a check on the held-out rows every so often. Where `patience` checks bring nothing,
/// it goes back to the best parameters with a smaller step; after `reductions` of these it ends.
private struct NetworkRun<Objective: NetworkObjective> {
  private let plan: NetworkTraining
  private let rows: NetworkTraining.Rows
  private let objective: Objective
  private let training: [Int]
  private let held: [Int]
  private let progress: (Double) -> Void
  private let network: DenseNetwork
  private let workspace: Objective.Workspace
  private var random: RandomStream
  private let reductions = 3

  /// What a training learnt from the rows held out.
  struct Schedule {
    /// Steps after which the parameters were the best so far.
    var best: Set<Int> = []
    /// Steps after which it went back to the best, with a smaller step.
    var restarts: Set<Int> = []
    var steps = 0
  }

  private let reduction = 0.3

  init(
    _ plan: NetworkTraining, _ rows: NetworkTraining.Rows, _ objective: Objective, _ shape: NetworkShape, training: [Int], held: [Int],
    random: RandomStream, progress: @escaping (Double) -> Void
  ) {
    self.plan = plan
    self.rows = rows
    self.objective = objective
    self.training = training
    self.held = held
    self.random = random
    self.progress = progress
    workspace = objective.workspace()
    network = DenseNetwork(shape: shape, capacity: max(256, plan.batchSize(rows: training.count)))
  }

  private mutating func start() -> [Float] {
    network.initialise(&random)
    network.dropout = plan.dropout
    var start = network.parameterValues
    start.replaceSubrange(network.shape.outputBiases..., with: objective.startingBiases(rows, training: training))
    network.parameterValues = start
    return start
  }

  mutating func train() throws -> (parameters: [Float], loss: Double, schedule: Schedule) {
    var best = start()
    var schedule = Schedule()
    var bestLoss = heldOutLoss()
    let optimiser = AdamOptimiser(network, weightDecay: plan.decay, averaging: 0.99)
    var batches = Batches(training, size: plan.batchSize(rows: training.count))
    let interval = max(50, min(400, training.count / batches.size))
    var rate = plan.rate
    var waited = 0
    var reduced = 0
    var step = 0
    while step < plan.steps {
      let sound = trainOn(batches.next(&random)) && optimiser.step(learningRate: rate * min(1, Double(step + 1) / 100))
      step += 1
      if sound && step % interval != 0 && step != plan.steps { continue }
      optimiser.swapAverage()
      let loss = sound ? heldOutLoss() : .infinity
      if loss < bestLoss {
        best = network.parameterValues
        schedule.best.insert(step)
        waited = loss < bestLoss * 0.9995 ? 0 : waited + 1
        bestLoss = loss
      } else {
        waited += 1
      }
      optimiser.swapAverage()
      progress(max(Double(step) / Double(plan.steps), Double(reduced) / Double(reductions + 1)))
      if waited >= plan.patience || !loss.isFinite {
        if reduced == reductions { break }
        reduced += 1
        waited = 0
        rate *= reduction
        schedule.restarts.insert(step)
        optimiser.restart(at: best)
      }
    }
    progress(1)
    guard bestLoss.isFinite, best.allSatisfy(\.isFinite) else {
      throw NetworkTraining.diverged
    }
    schedule.steps = step
    return (best, bestLoss, schedule)
  }

  /// Takes the steps of a schedule, and returns the parameters where it found the best.
  mutating func train(by schedule: Schedule) throws -> [Float] {
    var best = start()
    let optimiser = AdamOptimiser(network, weightDecay: plan.decay, averaging: 0.99)
    var batches = Batches(training, size: plan.batchSize(rows: training.count))
    var rate = plan.rate
    // What came after the best was for nothing.
    for step in stride(from: 1, through: schedule.best.max() ?? 0, by: 1) {
      let sound = trainOn(batches.next(&random)) && optimiser.step(learningRate: rate * min(1, Double(step) / 100))
      if schedule.best.contains(step), sound {
        optimiser.swapAverage()
        best = network.parameterValues
        optimiser.swapAverage()
      }
      if schedule.restarts.contains(step) || !sound {
        rate *= reduction
        optimiser.restart(at: best)
      }
    }
    guard best.allSatisfy(\.isFinite) else {
      throw NetworkTraining.diverged
    }
    return best
  }

  /// Derivatives of the mean loss of some rows. False where they are not finite.
  private mutating func trainOn(_ picked: ArraySlice<Int>) -> Bool {
    let (width, inputs, outputs) = (rows.width, network.shape.inputs, objective.outputs)
    let count = picked.count
    load(picked)
    for i in 0..<count { objective.drawExtras(network.input + i * inputs + width, &random) }
    network.trainingForward(rows: count, &random)
    let share = 1 / Float(count)
    for (i, row) in picked.enumerated() {
      let gradient = network.outputGradient + i * outputs
      objective.gradient(
        NetworkRow(index: row, target: rows.target[row], extras: network.input + i * inputs + width), outputs: network.output + i * outputs,
        into: gradient,
        workspace)
      let factor = share * (rows.weights?[row] ?? 1)
      for j in 0..<outputs { gradient[j] *= factor }
    }
    network.backward(rows: count)
    return true
  }

  /// Copies the features of rows to the network's inputs.
  private func load(_ picked: ArraySlice<Int>) {
    let (width, inputs) = (rows.width, network.shape.inputs)
    rows.inputs.withUnsafeBufferPointer { values in
      guard let first = values.baseAddress else { return }
      for (i, row) in picked.enumerated() { (network.input + i * inputs).update(from: first + row * width, count: width) }
    }
  }

  /// Weighted mean pinball loss of the held-out rows.
  private func heldOutLoss() -> Double {
    let (width, inputs, outputs) = (rows.width, network.shape.inputs, objective.outputs)
    var sum = 0.0
    var total = 0.0
    for k in 0..<objective.judgements {
      for first in stride(from: 0, to: held.count, by: network.capacity) {
        let picked = held[first..<min(held.count, first + network.capacity)]
        load(picked)
        for i in picked.indices { objective.judgedExtras(row: i, k, network.input + (i - first) * inputs + width) }
        network.forward(rows: picked.count)
        for (i, row) in picked.enumerated() {
          let w = Double(rows.weights?[row] ?? 1)
          sum +=
            w
            * objective.judge(
              NetworkRow(index: row, target: rows.target[row], extras: network.input + i * inputs + width), outputs: network.output + i * outputs,
              workspace)
          total += w
        }
      }
    }
    return total > 0 ? sum / total : 0
  }
}
