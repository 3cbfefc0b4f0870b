using System.Text.Json;
using Heed.Checkpoints;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Files;

namespace Heed.Verification;

/// <summary>
/// Runs a model folder against the reference values that lie in it, and compares tensor by tensor: outputs, losses, gradients, training
/// steps, generations of <c>goldens/models</c>' form (<c>golden.safetensors</c>), adapters on such a model (goldens/lora's form, with
/// <c>adapter_config.json</c> beside it), or the outputs of <c>goldens/checkpoints</c>' form (<c>expected.safetensors</c>), or the
/// sentence embeddings of <c>goldens/embeddings</c>' form (<c>embeddings.safetensors</c>), or whole folders of sentence-transformers in
/// the form of <c>goldens/similarity/folders</c> (<c>expected.json</c>).
/// </summary>
public static class ModelVerifier
{
    private const string ExpectedName = "expected.safetensors";

    /// <summary>Largest distance of outputs in the second form, as part of the reference's norm.</summary>
    private const double ExpectedTolerance = 1e-5;

    /// <summary>Verifies one folder.</summary>
    /// <param name="folder">A model folder with reference values.</param>
    /// <param name="options">What to run; <see cref="VerifyOptions.Default"/> where null.</param>
    /// <returns>Every comparison made. A folder that cannot be read or run is a failed result, not an exception.</returns>
    /// <exception cref="OperationCanceledException"><see cref="VerifyOptions.CancellationToken"/> was set.</exception>
    public static VerifyResult Run(string folder, VerifyOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(folder);
        options ??= VerifyOptions.Default;
        VerifyDump? dump = options.Dump is null ? null : new VerifyDump();
        List<TensorCheck> checks = [];
        int notRun = 0;
        HeedException? error = null;
        try
        {
            if (options.Dump is { } place) PrepareDump(place);
            if (File.Exists(Path.Combine(folder, GoldenFolder.TensorsName)))
            {
                using GoldenFolder golden = GoldenFolder.Open(folder);
                if (AdapterRun.IsFor(folder))
                {
                    new AdapterRun(folder, golden, options, checks, dump).Run();
                }
                else
                {
                    GoldenRun run = new(folder, golden, options, checks, dump);
                    notRun = run.Infer();
                    if (options.Training) run.Train();
                }
            }
            else if (File.Exists(Path.Combine(folder, SentenceFolderRun.RecordName)))
            {
                SentenceFolderRun.Run(folder, options, checks, dump);
            }
            else if (File.Exists(Path.Combine(folder, ExpectedName)))
            {
                RunExpected(folder, options, checks, dump);
            }
            else if (File.Exists(Path.Combine(folder, EmbeddingRun.TensorsName)))
            {
                EmbeddingRun.Run(folder, options, checks, dump);
            }
            else
            {
                throw new StorageException($"{folder}: holds neither {GoldenFolder.TensorsName} nor {ExpectedName}. "
                    + "Name a model folder with reference values, such as those of goldens/models and goldens/checkpoints.");
            }

            if (checks.Count == 0 && notRun == 0)
                throw new InputException($"{folder}: the reference holds inputs and nothing to compare: outputs, gradients, "
                    + "trained parameters or generations were expected.");
        }
        catch (HeedException e)
        {
            error = e;
        }

        try
        {
            // What was computed before an error is what helps to find its cause.
            if (dump is { IsEmpty: false }) dump.Write(options.Dump!, DumpName(folder));
        }
        catch (HeedException e)
        {
            error ??= e;
        }

        return new VerifyResult { Folder = folder, Checks = checks, GenerationsNotRun = notRun, Error = error };
    }

    /// <summary>The name under which <see cref="VerifyOptions.Dump"/> holds a folder's values: its last part.</summary>
    public static string DumpName(string folder) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));

    /// <summary>Makes a folder for <see cref="VerifyOptions.Dump"/> and tries to write there, before work is done whose values would be
    /// lost.</summary>
    /// <exception cref="StorageException">The folder cannot be made or written.</exception>
    public static void PrepareDump(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        if (File.Exists(folder))
            throw new StorageException($"{folder}: is a file; a folder for what is computed was expected. Name another.");
        try
        {
            Directory.CreateDirectory(folder);
            using FileStream probe = new(Path.Combine(folder, $".{Guid.NewGuid():N}"), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"{folder}: cannot be written: {e.Message.TrimEnd('.')}. Name a folder that can.", e);
        }
    }

    /// <summary>The class with which the reference opened the folder, by <c>about.json</c>; null takes that of
    /// <c>config.json</c>.</summary>
    private static string? ClassOf(string folder)
    {
        StoredFile about = new(new FolderModelFiles(folder), "about.json");
        if (!about.Exists) return null;
        using JsonDocument document = about.ReadJson(1 << 20);
        return new ConfigReader(document.RootElement, about.Path).Text("class");
    }

    private static void RunExpected(string folder, VerifyOptions options, List<TensorCheck> checks, VerifyDump? dump)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, ExpectedName));
        Dictionary<string, RawTensor> inputs = file.Tensors.Where(t => !t.DType.IsFloat())
            .ToDictionary(t => t.Name, StringComparer.Ordinal);
        ModelInputs batch = GoldenFolder.ReadInputs(inputs, file.Path);
        using Model model = ModelFolder.Load(folder, options.Loading() with { Architecture = ClassOf(folder) }).Model;
        options.Change?.Invoke(model);
        using TensorScope scope = TensorScope.Begin();
        ModelOutput output = model.Run(
            batch, new RunOptions { CancellationToken = options.CancellationToken, Hooks = options.Hooks?.Invoke() });
        Dictionary<string, Tensor> named = OutputNames.Of(model, output);
        foreach (RawTensor expected in file.Tensors.Where(t => t.DType.IsFloat()))
            Compare(expected, named.GetValueOrDefault(expected.Name), batch.AttentionMask, checks, dump);
    }

    /// <summary>Adds a comparison at the tolerance of forms without noise; a tensor that is missing or of another shape fails.</summary>
    internal static void Compare(RawTensor expected, Tensor? actual, TokenGrid? mask, List<TensorCheck> checks, VerifyDump? dump)
    {
        if (actual is null || !SameShape(actual.Shape, expected.Sizes))
        {
            checks.Add(new TensorCheck(expected.Name, double.PositiveInfinity, ExpectedTolerance));
            return;
        }

        (double distance, double norm) = TensorDistance.Measure(actual.Span, expected.ToFloats(), expected.Sizes, 1, mask);
        checks.Add(new TensorCheck(expected.Name, distance, ExpectedTolerance * norm));
        dump?.Add(expected.Name, actual.Span, expected.Sizes);
    }

    internal static bool SameShape(Shape shape, long[] stored)
    {
        if (shape.Rank != stored.Length) return false;
        for (int i = 0; i < stored.Length; i++)
            if (shape[i] != stored[i]) return false;
        return true;
    }
}
