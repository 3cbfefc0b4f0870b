namespace Heed.Training.Runs;

/// <summary>The settings that every run has, in the order of help and file.</summary>
internal static class TrainingFields
{
    /// <summary>The fields, for the settings of a task.</summary>
    public static IReadOnlyList<SettingField<TConfig>> Of<TConfig>()
        where TConfig : TrainingConfig
        =>
        [
            SettingField<TConfig>.Integer("accumulation", "micro-batches of a step",
                c => c.Accumulation, (c, v) => (TConfig)(c with { Accumulation = v }), 1),
            SettingField<TConfig>.Long("steps", "optimizer steps", c => c.Steps, (c, v) => (TConfig)(c with { Steps = v }), 1),
            SettingField<TConfig>.Text("optimizer", $"one of {string.Join(", ", Optimizers.NamedOptimizers.Names)}",
                c => c.Optimizer, (c, v) => (TConfig)(c with { Optimizer = v })),
            SettingField<TConfig>.Number("learning_rate", "peak learning rate",
                c => c.LearningRate, (c, v) => (TConfig)(c with { LearningRate = v }), 0, 10),
            SettingField<TConfig>.Text("schedule", $"one of {string.Join(", ", Schedules.Schedule.Names)}",
                c => c.Schedule, (c, v) => (TConfig)(c with { Schedule = v })),
            SettingField<TConfig>.Long("warmup_steps", "steps over which the rate rises; if omitted a tenth of the steps, at most 50",
                c => c.WarmupSteps, (c, v) => (TConfig)(c with { WarmupSteps = v }), 0),
            SettingField<TConfig>.Number("minimum_rate_ratio", "lowest rate as a part of the peak",
                c => c.MinimumRateRatio, (c, v) => (TConfig)(c with { MinimumRateRatio = v }), 0, 1),
            SettingField<TConfig>.Number("weight_decay", "weight decay, of matrices and tables only",
                c => c.WeightDecay, (c, v) => (TConfig)(c with { WeightDecay = v }), 0, 10),
            SettingField<TConfig>.Number("beta1", "β₁ of Adam and its variants", c => c.Beta1, (c, v) => (TConfig)(c with { Beta1 = v }),
                0, 0.999999),
            SettingField<TConfig>.Number("beta2", "β₂ of Adam and its variants, α of rmsprop",
                c => c.Beta2, (c, v) => (TConfig)(c with { Beta2 = v }), 0, 0.999999),
            SettingField<TConfig>.Number("epsilon", "ε of optimizers that divide by a root",
                c => c.Epsilon, (c, v) => (TConfig)(c with { Epsilon = v }), 0, 1),
            SettingField<TConfig>.Number("momentum", "momentum of sgd", c => c.Momentum, (c, v) => (TConfig)(c with { Momentum = v }), 0,
                0.999999),
            SettingField<TConfig>.Number("clip_norm", "largest norm of all gradients together; 0 does not clip",
                c => c.ClipNorm, (c, v) => (TConfig)(c with { ClipNorm = v }), 0, 1e9),
            SettingField<TConfig>.Seed("seed", "seed of weights, order and dropout", c => c.Seed, (c, v) => (TConfig)(c with { Seed = v })),
            SettingField<TConfig>.Long("evaluate_every", "steps between evaluations; 0 evaluates at the end alone",
                c => c.EvaluateEvery, (c, v) => (TConfig)(c with { EvaluateEvery = v }), 0),
            SettingField<TConfig>.Long("save_every", "steps between checkpoints; 0 saves at the end alone",
                c => c.SaveEvery, (c, v) => (TConfig)(c with { SaveEvery = v }), 0),
            SettingField<TConfig>.Integer("keep", "checkpoints kept", c => c.Keep, (c, v) => (TConfig)(c with { Keep = v }), 1),
            SettingField<TConfig>.Integer("patience", "evaluations without a better result after which the run stops; 0 never",
                c => c.Patience, (c, v) => (TConfig)(c with { Patience = v }), 0),
            SettingField<TConfig>.Flag("gradient_checkpointing", "recompute layers in the backward pass: less memory, more time",
                c => c.GradientCheckpointing, (c, v) => (TConfig)(c with { GradientCheckpointing = v })),
            SettingField<TConfig>.Number("memory_limit", "largest memory in GiB; 0 allows what the machine has",
                c => c.MemoryLimit, (c, v) => (TConfig)(c with { MemoryLimit = v }), 0, 1e6),
        ];
}
