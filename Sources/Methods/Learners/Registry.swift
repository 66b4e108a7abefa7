/// Every learner that `qfit -l` knows, in the order in which help lists them.
public let learnerRegistry: [any Learner.Type] = [
  Linear.self,
  Lasso.self,
  RandomFourier.self,
  Forest.self,
  ExtraTrees.self,
  Boost.self,
  NearestNeighbours.self,
  GaussianNetwork.self,
  LevelInputNetwork.self,
  DirectQuantileNetwork.self,
  Marginal.self,
]

/// What `-l` takes for several learners at once: every learner that looks at features, and those of them that are fitted to
/// thousands of rows within seconds.
public let learnerSets: [(name: String, members: [String])] = [
  ("all", learnerRegistry.map { $0.description.name }.filter { $0 != Marginal.description.name }),
  ("fast", [Linear.self, Forest.self, ExtraTrees.self, Boost.self].map { (type: any Learner.Type) in type.description.name }),
]
