using Heed.Checkpoints;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Files;
using Heed.Testing;

namespace Heed.Generation.Tests;

public sealed class HeedModelOpeningTests
{
    private static string Golden(string name) => Path.Combine(Repository.Goldens, "models", name);

    [Fact]
    public async Task A_model_opens_from_memory_with_progress_and_computes_as_from_its_folder()
    {
        List<LoadProgress> seen = [];
        using HeedModel disk = HeedModel.Open(Golden("llama"));
        using HeedModel memory = await HeedModel.OpenAsync(ModelFilesOfFolder.InMemory(Golden("llama")), progress: new Seen(seen), cancellationToken: TestContext.Current.CancellationToken);
        using HeedModel later = await HeedModel.OpenAsync(Golden("llama"), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(Logits(disk.Model), Logits(memory.Model));
        Assert.Equal(Logits(disk.Model), Logits(later.Model));
        Assert.Equal(seen[^1].TotalBytes, seen[^1].Bytes);
        Assert.Equal(seen.Select(progress => progress.Bytes).Order(), seen.Select(progress => progress.Bytes));
        Assert.Equal("memory", memory.Folder);
        Assert.Equal(disk.Generation.EndIds, memory.Generation.EndIds);
    }

    [Fact]
    public async Task Opening_is_stopped_before_the_next_tensor()
    {
        using CancellationTokenSource source = new();
        int tensors = 0;
        Stopping progress = new(() =>
        {
            if (++tensors == 3) source.Cancel();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => HeedModel.OpenAsync(Golden("gpt2"), progress: progress, cancellationToken: source.Token));
        Assert.Equal(3, tensors);
    }

    [Fact]
    public async Task An_adapter_opens_as_its_base_model_with_the_adapter_in_the_weights()
    {
        string folder = Path.Combine(Repository.Goldens, "lora", "llama-all-linear");
        using HeedModel opened = HeedModel.Open(folder), later = await HeedModel.OpenAsync(folder, cancellationToken: TestContext.Current.CancellationToken);
        using HeedModel plain = HeedModel.Open(Golden("llama"));
        Assert.Equal(folder, opened.Folder);
        Assert.Equal(plain.Generation.EndIds, opened.Generation.EndIds);
        Assert.Equal(plain.Model.Parameters.Select(p => p.Name), opened.Model.Parameters.Select(p => p.Name));
        Assert.Equal(Logits(opened.Model), Logits(later.Model));
        Assert.NotEqual(Logits(plain.Model), Logits(opened.Model));
        // In memory there is no folder to look for the base model from.
        MemoryModelFiles memory = ModelFilesOfFolder.InMemory(folder);
        Assert.Throws<StorageException>(() => HeedModel.Open(memory));
        using HeedModel given = HeedModel.Open(memory, new LoadOptions { Base = new FolderModelFiles(Golden("llama")) });
        Assert.Equal(Logits(opened.Model), Logits(given.Model));
    }

    private static float[] Logits(Model model)
    {
        using TensorScope scope = TensorScope.Begin();
        return model.Run(new ModelInputs { InputIds = TokenGrid.Of([[5, 9, 2, 7]]) }).Logits!.ToArray();
    }

    private sealed class Seen(List<LoadProgress> list) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => list.Add(value);
    }

    private sealed class Stopping(Action action) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => action();
    }
}
