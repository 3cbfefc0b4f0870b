using Heed.Training.Logging;

namespace Heed.Doctor.Tests;

/// <summary>What a run warns of.</summary>
internal sealed class Warnings : ITrainingObserver, IProgress<string>
{
    public List<string> All { get; } = [];

    public void Warned(string message) => All.Add(message);

    public void Report(string value) => All.Add(value);
}
