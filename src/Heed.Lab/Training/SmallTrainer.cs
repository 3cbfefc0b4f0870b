using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Lab.Training;

/// <summary>How a small model is trained: AdamW with clipping at 1, warm-up, then a linear fall to a tenth of the rate.</summary>
/// <param name="Steps">Optimizer steps.</param>
/// <param name="Rate">Largest rate.</param>
/// <param name="Warmup">Steps of linear warm-up.</param>
internal sealed record SmallPlan(int Steps, double Rate, int Warmup)
{
    /// <summary>Weight decay of matrices.</summary>
    public double Decay { get; init; } = 0.01;

    /// <summary>β₂ of AdamW.</summary>
    public double Beta2 { get; init; } = 0.98;

    /// <summary>False: the rate stays after the warm-up.</summary>
    public bool Falls { get; init; } = true;

    /// <summary>The rate of a step, from 0.</summary>
    public double RateOf(int step)
    {
        if (step < Warmup) return Rate * (step + 1) / Warmup;
        return Falls ? Rate * (1 - (0.9 * (step - Warmup) / Math.Max(1, Steps - Warmup))) : Rate;
    }
}

/// <summary>Trains what fits into an experiment.</summary>
internal static class SmallTrainer
{
    /// <summary>Runs the plan.</summary>
    /// <param name="run">The experiment's run.</param>
    /// <param name="name">What is trained, for the progress.</param>
    /// <param name="parameters">What moves.</param>
    /// <param name="plan">Steps and rates.</param>
    /// <param name="loss">The mean loss of a step's batch.</param>
    /// <param name="each">Looks on after each step; may be null.</param>
    /// <returns>The loss of each step; NaN from the step on in which it was not finite.</returns>
    public static double[] Train(
        LabRun run, string name, ParameterSet parameters, SmallPlan plan, Func<int, Variable> loss, Action<int, double>? each = null)
    {
        plan = plan with { Steps = Math.Min(plan.Steps, run.StepLimit) };
        double[] losses = new double[plan.Steps];
        Array.Fill(losses, double.NaN);
        using AdamW optimizer = new(parameters) { WeightDecay = plan.Decay, Beta2 = plan.Beta2 };
        for (int step = 0; step < plan.Steps; step++)
        {
            if (step % 50 == 0) run.Report($"{name}, step {step} of {plan.Steps}{(step > 0 ? $", loss {losses[step - 1]:0.000}" : "")}");
            using TensorScope scope = TensorScope.Begin();
            using Tape tape = Tape.Begin();
            Variable value = loss(step);
            losses[step] = value.Value.ToScalar();
            if (!double.IsFinite(losses[step]))
            {
                losses[step] = double.NaN;
                break;
            }

            tape.Backward(value);
            double norm = GlobalNorm.Of(parameters);
            if (double.IsFinite(norm)) optimizer.Step(plan.RateOf(step), GlobalNorm.Factor(norm, 1));
            parameters.ClearGradients();
            each?.Invoke(step, losses[step]);
        }

        return losses;
    }

    /// <summary>Mean of the last losses; NaN if training diverged.</summary>
    public static double Last(double[] losses, int count) => losses[^Math.Min(count, losses.Length)..].Average();
}
