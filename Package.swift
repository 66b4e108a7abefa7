// swift-tools-version:6.0
import PackageDescription

// Tools are static executables: nothing to load at start, so they start about as fast as `sort` and run on any Linux of
// the same architecture. lld links them quickly and without gold's remarks on glibc. The named libraries are what
// FoundationEssentials, which ArgumentParser stands on, leaves out of its own autolink list when only the final link is static.
let staticTool: [LinkerSetting] = [
  .unsafeFlags([
    "-static-executable", "-use-ld=lld", "-l_FoundationCShims", "-l_FoundationCollections", "-lswiftSynchronization", "-Xlinker", "-s",
  ])
]

func tool(_ name: String, _ methods: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name,
    dependencies: ["FilterKit", "Tables", "Quantiles", "Methods", "Groundwork"] + methods
      + [.product(name: "ArgumentParser", package: "swift-argument-parser")],
    linkerSettings: staticTool)
}

let package = Package(
  name: "quantile-filters",
  dependencies: [.package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0")],
  targets: [
    // Tools: flags, and one `run` that reads like a sentence.
    tool("qfit", ["Learners", "Algebra"]),
    tool("qaggregate", ["Aggregation", "Algebra"]),
    tool("qsort", []),
    tool("qconformal", ["Calibration", "Algebra"]),
    tool("qscore", ["Scoring"]),
    tool("qreshape", []),
    tool("qplot", ["Scoring"]),

    // What every tool shares.
    .target(
      name: "FilterKit",
      dependencies: ["Tables", "Quantiles", "Methods", "Groundwork", "CZlib", .product(name: "ArgumentParser", package: "swift-argument-parser")]),
    .target(name: "Tables", dependencies: ["Quantiles", "Groundwork", "CNumberText", "CZlib"]),

    // Methods: they take matrices, never tables.
    .target(name: "Learners", dependencies: ["Algebra", "Quantiles", "Methods", "Groundwork"]),
    .target(name: "Aggregation", dependencies: ["Learners", "Algebra", "Quantiles", "Methods", "Groundwork"]),
    .target(name: "Calibration", dependencies: ["Algebra", "Quantiles", "Methods", "Groundwork"]),
    .target(name: "Scoring", dependencies: ["Quantiles", "Methods", "Groundwork"]),

    // Mathematics.
    .target(name: "Algebra", dependencies: ["CKernels", "COpenBLAS", "Quantiles", "Groundwork"]),
    .target(name: "Quantiles", dependencies: ["Groundwork"]),
    .target(name: "Methods", dependencies: ["Groundwork"]),
    .target(name: "Groundwork"),

    // What Swift has no means for: text of numbers by the C++ library, vectors as wide as the machine's.
    .target(name: "CNumberText", cxxSettings: [.unsafeFlags(["-O3"])]),
    .target(name: "CKernels"),

    // Libraries of the system.
    .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

    .testTarget(name: "GroundworkTests", dependencies: ["Groundwork"]),
    .testTarget(name: "MethodsTests", dependencies: ["Methods"]),
    .testTarget(name: "QuantilesTests", dependencies: ["Quantiles", "Groundwork"]),
    .testTarget(name: "AlgebraTests", dependencies: ["Algebra", "Quantiles", "Groundwork"]),
    .testTarget(name: "LearnersTests", dependencies: ["Learners", "Algebra", "Methods", "Quantiles", "Groundwork"]),
    .testTarget(name: "AggregationTests", dependencies: ["Aggregation", "Learners", "Algebra", "Methods", "Quantiles", "Groundwork"]),
    .testTarget(name: "CalibrationTests", dependencies: ["Calibration", "Algebra", "Methods", "Quantiles", "Groundwork"]),
    .testTarget(name: "ScoringTests", dependencies: ["Scoring", "Methods", "Quantiles", "Groundwork"]),
    .testTarget(name: "TablesTests", dependencies: ["Tables", "Groundwork"]),
    .testTarget(name: "FilterTests", exclude: ["Cases"]),
  ],
  swiftLanguageModes: [.v5],
  cxxLanguageStandard: .cxx17
)
