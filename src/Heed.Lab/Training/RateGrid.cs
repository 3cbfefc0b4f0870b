using Heed.Engine.Nn;
using Heed.Models;

namespace Heed.Lab.Training;

/// <summary>A design at the best of several learning rates, so that none loses because another's rate was chosen for it.</summary>
internal static class RateGrid
{
    /// <summary>Trains a model at each rate from the same first values, and keeps the one with the least loss on texts that neither
    /// training nor the test sees.</summary>
    /// <param name="task">What is learned.</param>
    /// <param name="run">The experiment's run.</param>
    /// <param name="name">What is trained, for the progress.</param>
    /// <param name="make">Makes the model from the parameters of <see cref="LabRun.Parameters"/>.</param>
    /// <param name="plan">Steps and warm-up; its rate is not read.</param>
    /// <param name="rates">The rates.</param>
    /// <param name="hooks">Of training and choice; may be null.</param>
    /// <param name="each">Looks on after each step: model, step and loss; may be null.</param>
    public static TunedModel Train(
        SequenceTask task, LabRun run, string name, Func<ParameterSet, CausalLanguageModel> make, SmallPlan plan,
        ReadOnlySpan<double> rates, Hooks? hooks = null, Action<CausalLanguageModel, int, double>? each = null)
    {
        TunedModel? best = null;
        foreach (double rate in rates)
        {
            CausalLanguageModel model = make(run.Parameters());
            double[] losses = task.Train(
                run, $"{name}, rate {rate:0.####}", model, plan with { Rate = rate }, (step, loss) => each?.Invoke(model, step, loss),
                hooks);
            double chosenBy = double.IsNaN(losses[^1]) ? double.PositiveInfinity : task.Score(run, model, 2, hooks, "choice").Loss;
            if (!double.IsFinite(chosenBy)) chosenBy = double.PositiveInfinity;
            if (best is null || chosenBy < best.ChosenBy)
            {
                best?.Dispose();
                best = new TunedModel(model, rate, losses, chosenBy);
            }
            else
            {
                model.Dispose();
            }
        }

        return best ?? throw new ArgumentException("there is no rate; at least one was expected.", nameof(rates));
    }
}

/// <summary>The best of a grid of rates.</summary>
/// <param name="Model">Trained.</param>
/// <param name="Rate">Its rate.</param>
/// <param name="Losses">Training loss of each step.</param>
/// <param name="ChosenBy">Its loss on the texts of the choice; ∞ if all diverged.</param>
internal sealed record TunedModel(CausalLanguageModel Model, double Rate, double[] Losses, double ChosenBy) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();
}
